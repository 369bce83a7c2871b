"""Connections of httpcore that lead to addresses which may be dialled, and that end at a deadline."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from typing import Any, TypeVar

import httpcore

from tasks.webhooks.networks import Address, Network, may_dial

T = TypeVar("T")
Lookup = Callable[[str, int], Sequence[Address]]


class AddressRefused(Exception):
    """Raised when a host leads, by any of its addresses, to where nothing may be sent."""


class NameUnknown(Exception):
    """Raised when a host has no address."""


class Deadline:
    """The end of an attempt, whatever it is made of: a receiver that sends a byte a second does not put it off."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds; raises httpcore's ConnectTimeout once there are none."""
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ConnectTimeout("the attempt has taken too long")
        return seconds

    def wait_for(self, call: Callable[[], T]) -> T:
        """What a call returns. One that takes longer than there is time is left behind, on a thread of its own."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(call())
            except Exception as exc:
                answer.set_exception(exc)

        threading.Thread(target=run, name="lookup", daemon=True).start()
        try:
            return answer.result(self.left())
        except TimeoutError:
            raise httpcore.ConnectTimeout("the name was not looked up in time") from None


def lookup(host: str, port: int) -> list[Address]:
    """All addresses of a host; raises OSError. Nothing can interrupt it but the resolver's own time limits."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(entry[4][0])) for entry in found]


class Dialler(httpcore.SyncBackend):
    """Looks a host up once, judges every address, and connects to those that it has judged."""

    def __init__(self, deadline: Deadline, *, allowed: Sequence[Network], lookup: Lookup) -> None:
        self._deadline = deadline
        self._allowed = allowed
        self._lookup = lookup

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = NameUnknown(host)
        addresses = self._judged(host, port)
        for number, address in enumerate(addresses):
            seconds = self._deadline.left() / (len(addresses) - number)  # one that is silent leaves time for the others
            try:
                # An address, not the name: there is no second look-up whose answer could be another.
                stream = super().connect_tcp(str(address), port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
            else:
                return _Stream(stream, self._deadline)
        raise failure

    def _judged(self, host: str, port: int) -> Sequence[Address]:
        try:
            addresses = self._deadline.wait_for(lambda: self._lookup(host, port))
        except (OSError, UnicodeError, ValueError) as exc:
            raise NameUnknown(host) from exc
        if not all(may_dial(address, self._allowed) for address in addresses):
            raise AddressRefused(host)
        return addresses


class _Stream(httpcore.NetworkStream):
    """A stream whose every call ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
