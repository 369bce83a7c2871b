"""A receiver of webhooks, which answers as a test wants, and keeps what came."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOPBACK = "127.0.0.0/8"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str = SECRET) -> dict[str, Any]:
        """The message, after the specification's own library has found it genuine; it raises if it is not."""
        message: dict[str, Any] = Webhook(secret).verify(self.body, dict(self.headers))
        return message


@dataclass(frozen=True, slots=True)
class Reply:
    """How to answer.

    After `seconds`; with a header after another each `drip_seconds`, never ending; and how long the connection is held
    open after the headers.
    """

    status: int = 204
    headers: Mapping[str, str] | None = None
    seconds: float = 0.0
    drip_seconds: float | None = None
    linger_seconds: float = 0.0


Script = Callable[[int, Request], Reply]
"""From the number of the request, from 0, and the request to the answer."""


class Receiver:
    """A server on loopback, on a port of its own."""

    def __init__(self, script: Script = lambda number, request: Reply(), *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._script = script
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                with receiver._lock:
                    number = len(receiver.requests)
                    receiver.requests.append(request)
                receiver._answer(self, receiver._script(number, request))

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        return Handler

    def _answer(self, to: BaseHTTPRequestHandler, reply: Reply) -> None:
        self._stopping.wait(reply.seconds)
        try:
            to.send_response(reply.status)
            for name, value in (reply.headers or {}).items():
                to.send_header(name, value)
            if reply.drip_seconds is None:
                if "Content-Length" not in (reply.headers or {}):
                    to.send_header("Content-Length", "0")
                to.end_headers()
                self._stopping.wait(reply.linger_seconds)
                return
            to.flush_headers()
            until = time.monotonic() + 30
            while time.monotonic() < until and not self._stopping.wait(reply.drip_seconds):
                to.wfile.write(b"X-A: b\r\n")
                to.wfile.flush()
        except OSError:
            return  # whoever asked has gone
