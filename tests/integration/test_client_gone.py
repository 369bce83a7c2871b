"""Whether a client is still there, with and without gevent."""

from __future__ import annotations

import socket
import subprocess
import sys

from app.http.client_gone import watch

PROGRAM = """
from gevent import monkey; monkey.patch_all()
import gevent, socket
from app.http.client_gone import watch
ours, theirs = socket.socketpair()
has_left = watch({"gunicorn.socket": ours})
with gevent.Timeout(5):
    there = has_left()
    theirs.close()
    print(there, has_left())
"""


def test_a_client_is_there_until_it_closes() -> None:
    ours, theirs = socket.socketpair()
    has_left = watch({"gunicorn.socket": ours})
    with ours:
        assert not has_left()
        theirs.sendall(b"GET")
        assert not has_left()
        ours.recv(3)
        theirs.close()
        assert has_left()
    assert has_left()


def test_asking_never_waits_under_gevent() -> None:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30)
    assert answer.stdout.split() == ["False", "True"], answer.stderr


def test_without_a_socket_a_client_counts_as_there() -> None:
    assert not watch({})()
