"""Whether the client of a request is still there."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Mapping
from typing import Any

CONTINUES = "continue"
"""The value of ``X-On-Disconnect`` with which a job goes on though its client went away."""


def watch(environ: Mapping[str, Any], matters: bool = True) -> Callable[[], bool]:
    """A function that tells whether the client of a WSGI request has closed its connection, if that matters.

    gunicorn's workers put the socket into the environment; under another server a client counts as being there.
    A client that sends its next request already is there as well.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None or not matters:
        return lambda: False

    def has_left() -> bool:
        """Reads only what is there: gevent's `recv` waits, whatever flags it is given."""
        poll = select.poll()
        try:
            poll.register(connection, select.POLLIN)
            return bool(poll.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):  # it is closed on our side too
            return True

    return has_left
