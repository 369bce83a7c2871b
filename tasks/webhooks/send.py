"""One attempt to send a webhook."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpcore

from tasks.webhooks.dial import AddressRefused, Deadline, Dialler, Lookup, NameUnknown, lookup
from tasks.webhooks.networks import Network
from tasks.webhooks.target import parse

GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an attempt: the answer's status, or else why there was none."""

    status: int | None = None
    error: str | None = None
    retry_after_seconds: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the receiver has it. A redirection is no such answer: it is not followed."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Makes requests: no redirections, no proxies, no cookies, and a connection for each."""

    def __init__(
        self,
        *,
        timeout_seconds: float,
        allowed: Sequence[Network] = (),
        ssl_context: ssl.SSLContext,
        lookup: Lookup = lookup,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._allowed = allowed
        self._ssl_context = ssl_context
        self._lookup = lookup

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body of JSON. It ends within the timeout, whatever happens. The answer's body is not read."""
        target = parse(url)
        dialler = Dialler(Deadline(self._timeout_seconds), allowed=self._allowed, lookup=self._lookup)
        wire = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        sent = {
            "host": target.host_header,
            "content-type": "application/json",
            "content-length": str(len(content)),
            "user-agent": "caravan",
            "connection": "close",
            **headers,
        }
        try:
            with (
                httpcore.HTTPConnection(wire.origin, self._ssl_context, network_backend=dialler) as connection,
                connection.stream("POST", wire, headers=list(sent.items()), content=content) as response,
            ):
                return Answer(status=response.status, retry_after_seconds=_retry_after(response.headers))
        except Exception as exc:
            return Answer(error=_word(exc))


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    """``Retry-After`` in seconds; as a date it is passed over."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit():
            return float(value[:9])
    return None


def _word(exc: Exception) -> str:
    """One word for why there was no answer; anything else than these is a fault of ours, and goes on."""
    match exc:
        case AddressRefused():
            return "address_refused"
        case NameUnknown():
            return "name_unknown"
        case httpcore.TimeoutException():
            return "timeout"
        case httpcore.ConnectError() if isinstance(exc.__cause__, ssl.SSLError):
            return "tls"
        case httpcore.NetworkError() | httpcore.ProtocolError():
            return "connection"
        case _:
            raise exc
