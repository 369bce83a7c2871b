"""What both clients say to httpx."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from caravan_client.exchange import Request
from caravan_client.proxies import Proxy, through
from caravan_client.server_errors import InvalidRequest

DEFAULT_URL = "http://127.0.0.1:8000"
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 15.0
"""After which an unused connection is not used again: the server closes it after 30."""

_NUMBERED = re.compile(r"^\[Errno -?\d+\] ")
"""The number of a system's error, before its words."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def options(url: str, api_key: str | None) -> dict[str, Any]:
    """For a client of httpx. Raises InvalidRequest for what is no address."""
    try:
        scheme = httpx.URL(url).scheme
    except httpx.InvalidURL:
        scheme = ""
    if scheme not in ("http", "https"):
        raise InvalidRequest(f"'{url}' is not an address: it must begin with http:// or https://.", param="url")
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
    }


@contextmanager
def usable(proxy: Proxy | None) -> Iterator[None]:
    """Around the making of a transport. Raises InvalidRequest for a proxy that httpx cannot use."""
    try:
        yield
    except (ImportError, ValueError, httpx.InvalidURL) as exc:
        if proxy is None:
            raise
        raise InvalidRequest(f"The proxy {proxy} cannot be used: {str(exc).rstrip('.')}.", param="url") from exc


def limits(most: int | None) -> httpx.Limits:
    """So many connections at most, none of which is used again after it has idled for long."""
    return httpx.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=IDLE_SECONDS)


def arguments(request: Request) -> dict[str, Any]:
    """For its `request` and `stream`."""
    return {
        "method": request.method,
        "url": request.path,
        **_content(request),
        "params": dict(request.params) or None,
        "headers": {**_trace(), **request.headers},
        "timeout": httpx.Timeout(request.timeout_seconds, connect=CONNECT_SECONDS),
    }


def _trace() -> dict[str, str]:
    """The caller's place in a trace, if it uses OpenTelemetry: the client itself does not import it."""
    carrier: dict[str, str] = {}
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry import propagate

        propagate.inject(carrier)
    return carrier


def _content(request: Request) -> dict[str, Any]:
    if (file := request.file) is None:
        return {"json": request.body}
    file.content.seek(0)
    return {"data": dict(file.fields), "files": {"file": (file.name, file.content)}}


def reason(error: httpx.TransportError, proxy: Proxy | None) -> str:
    """Why there was no response, in a sentence that names the proxy on the way, if there is one."""
    try:
        where = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
    except RuntimeError:
        where = "The server"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return f"{where} has broken the connection{through(proxy)}."
    why = _NUMBERED.sub("", str(error)) or type(error).__name__
    return f"{where} does not answer{through(proxy)}: {why}."


def sent(error: httpx.TransportError) -> bool:
    """Whether the server may have seen the request."""
    return not isinstance(error, _NEVER_SENT)
