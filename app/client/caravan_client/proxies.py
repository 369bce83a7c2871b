"""Which proxy a request goes through: the environment's, but never to this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from caravan_client.urls import is_loopback, without_password

UNSPECIFIED = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound
"""Where a server that listens everywhere is; who connects there reaches this machine."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what names it."""

    url: str
    named_by: str

    def __str__(self) -> str:
        return f"{without_password(self.url)} ({self.named_by})"


def proxy_of(url: str) -> Proxy | None:
    """The proxy for an address: of http_proxy, https_proxy or all_proxy, unless no_proxy names the host.

    Loopback never goes through a proxy: one on another machine would look for the server there.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or host in UNSPECIFIED or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    found = getproxies()
    kind = next((kind for kind in (parts.scheme, "all") if found.get(kind)), "")
    if not kind:
        return None
    proxy = found[kind] if "://" in found[kind] else f"http://{found[kind]}"
    variables = [name for name, value in os.environ.items() if name.lower() == f"{kind}_proxy" and value]
    return Proxy(proxy, max(variables, default="the system's settings"))  # where both are set, http_proxy counts


def through(proxy: Proxy | None) -> str:
    """What an error says of the way that a request took."""
    return f" through the proxy {proxy}" if proxy else ""
