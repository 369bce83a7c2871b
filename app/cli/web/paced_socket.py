"""A connection that a client cannot hold by sending or reading next to nothing."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from app.cli.web.pace import Pace
from tasks.logs import get_logger

PIECE = 1 << 16
"""Bytes that are sent before the client's pace is looked at again."""

log = get_logger(__name__)


class PacedSocket:
    """A gevent socket of one client, as gunicorn uses it: what is not here is the socket's own.

    Between requests a client may wait as long as gunicorn lets it.

    gunicorn sends the headers of an answer by themselves, and its body right after them. Here they wait for the body's
    first bytes, or for the answer's end: one system call, and one packet that wakes the client.

    Args:
        body_seconds: how long a request's body may take.
    """

    def __init__(self, sock: Any, *, body_seconds: float) -> None:
        self._sock = sock
        self._body_seconds = body_seconds
        self._reading: Pace | None = None
        self._writing = Pace()
        self._headers: bytes | None = None
        """Those of the request's answer that were not sent yet, empty before they are made; else None."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request, from behind its headers to the end of its answer."""
        self._reading, self._writing, self._headers = Pace(self._body_seconds), Pace(), b""
        try:
            yield
        finally:
            self._reading = None
            if headers := self._take_headers():
                self._send(headers)

    def recv(self, *args: Any) -> bytes:
        """The next bytes. Raises TimeoutError if a body comes too slowly."""
        if self._reading is None:
            self._sock.settimeout(None)
            return cast("bytes", self._sock.recv(*args))
        begun = self._begin(self._reading)
        data: bytes = self._sock.recv(*args)
        self._reading.note(num_bytes=len(data), waited=time.monotonic() - begun)
        return data

    def sendall(self, data: bytes) -> None:
        """Send it. Raises BrokenPipeError, as for a client that went away, if it is read too slowly."""
        if self._headers == b"":
            self._headers = data
        elif headers := self._take_headers():
            first = max(0, PIECE - len(headers))
            self._send(headers + data[:first])
            self._send(data[first:])
        else:
            self._send(data)

    def _take_headers(self) -> bytes:
        headers, self._headers = self._headers, None
        return headers or b""

    def _send(self, data: bytes) -> None:
        whole = memoryview(data)
        for first in range(0, len(whole), PIECE):
            piece = whole[first : first + PIECE]
            try:
                begun = self._begin(self._writing)
                self._sock.sendall(piece)
            except TimeoutError as exc:
                log.info("connection closed: the client reads too slowly")
                raise BrokenPipeError(errno.EPIPE, "The client reads too slowly") from exc
            self._writing.note(num_bytes=len(piece), waited=time.monotonic() - begun)

    def _begin(self, pace: Pace) -> float:
        """Have the socket wait no longer than the client may take; the time at which the wait begins."""
        if pace.seconds_left == 0:
            raise TimeoutError
        self._sock.settimeout(pace.seconds_left)
        return time.monotonic()
