"""The front as `caravan web` serves it, alone, and raw requests to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.fronts import ADMIN_KEY
from tests.support.processes import Process
from tests.support.redis_server import free_port
from tests.support.waiting import until


class WebFront:
    """One web process on a free port of loopback. It asks for keys, and knows `ADMIN_KEY`."""

    def __init__(self, folder: Path, redis_url: str, **settings: str) -> None:
        self.port = free_port()
        env = {
            "CARAVAN_REDIS_URL": redis_url,
            "CARAVAN_PORT": str(self.port),
            "CARAVAN_WEB_PROCESSES": "1",
            "CARAVAN_KEYS": "true",
            "CARAVAN_ADMIN_KEY": ADMIN_KEY,
            "CARAVAN_FILES_DIR": str(folder / "files"),
            **settings,
        }
        self.process = Process(["-m", "app.cli", "web"], env=env, log=folder / "web.log")

    def start(self) -> None:
        self.process.start()
        until(lambda: self._answers() or not self.process.running, what="the front answers")
        assert self.process.running, self.process.output()

    def stop(self) -> None:
        self.process.stop()

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """A connection whose reads fail after a while instead of waiting for ever."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connected:
            yield connected

    def ask(self, request: bytes) -> bytes:
        """Send raw bytes; all that is answered until the front closes the connection, which the request asks for."""
        with self.connection() as connected:
            connected.sendall(request)
            return to_the_end(connected)

    def _answers(self) -> bool:
        try:
            return b" 200 " in self.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        except OSError:
            return False


def head(line: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A request up to its body. Characters are bytes."""
    lines = [
        f"{line} HTTP/1.1",
        *(f"{name}: {value}" for name, value in {"Host": "localhost", **(headers or {})}.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def to_the_end(connected: socket.socket) -> bytes:
    """What is read until the other side closes."""
    found = b""
    try:
        while data := connected.recv(1 << 16):
            found += data
    except ConnectionResetError:  # it closed before it had read all
        pass
    return found
