"""No client holds a connection by sending next to nothing. The unit tests of pace hold the rates, and slow readers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.support.fronts import ADMIN_KEY
from tests.support.redis_server import RedisServer
from tests.support.web_front import WebFront, head, to_the_end

KEY = {"Authorization": f"Bearer {ADMIN_KEY}"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
CHUNKED = {"Transfer-Encoding": "chunked"}
LONG = {"Content-Length": "1000"}


@pytest.fixture(scope="module")
def front(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebFront]:
    """A front of few connections, in which a body has a second."""
    settings = {"CARAVAN_BODY_SECONDS": "1", "CARAVAN_WEB_CONNECTIONS": "4"}
    running = WebFront(tmp_path_factory.mktemp("front"), redis_server.url, **settings)
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("line", "headers", "begun"),
    [
        ("POST /jobs", {**JSON, **LONG}, b'{"model"'),
        ("POST /jobs", {**JSON, **LONG}, b""),
        ("POST /v1/chat/completions", {**JSON, **CHUNKED}, b"5\r\n{"),
        ("POST /v1/chat/completions", {**JSON, **CHUNKED}, b"5"),
        ("POST /v1/files", {**FORM, **LONG}, b"--b\r\n"),
        ("POST /v1/files", {**FORM, **CHUNKED}, b"5\r\n--b"),
        ("POST /admin/keys", {**JSON, **LONG}, b"{"),
    ],
)
def test_a_body_that_does_not_come_is_given_up(
    front: WebFront, line: str, headers: dict[str, str], begun: bytes
) -> None:
    with front.connection() as connected:
        connected.sendall(head(line, {**KEY, **headers}) + begun)
        answer = to_the_end(connected)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer


def test_slow_clients_do_not_close_the_front_to_others(front: WebFront) -> None:
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(front.connection()) for _ in range(4)]
        for connected in slow:
            connected.sendall(head("POST /jobs", {**KEY, **JSON, **LONG}) + b"{")
        with front.connection() as other:
            other.sendall(head("GET /healthz", {"Connection": "close"}))
            assert to_the_end(other).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("line", ["POST /jobs", "POST /v1/files", "POST /v1/chat/completions", "POST /admin/keys"])
@pytest.mark.parametrize("key", [{}, {"Authorization": "Bearer cvn-wrong"}], ids=["no key", "a wrong key"])
def test_a_key_is_looked_at_before_a_byte_of_the_body_is_there(front: WebFront, line: str, key: dict[str, str]) -> None:
    with front.connection() as connected:
        connected.sendall(head(line, {**key, **JSON, "Content-Length": "1000000"}))
        assert connected.recv(1 << 16).startswith(b"HTTP/1.1 401 ")


def test_a_body_in_pieces_is_read_as_long_as_it_comes(front: WebFront) -> None:
    body = b'{"model": "nobody", "input": "x"}'
    with front.connection() as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.sendall(head("POST /jobs", {**KEY, **JSON, "Content-Length": str(len(body)), "Connection": "close"}))
        for at in range(len(body)):
            connected.sendall(body[at : at + 1])
        assert b'"code":"model_not_found"' in to_the_end(connected)
