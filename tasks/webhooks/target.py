"""The address of a webhook: what it may look like, whoever it leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

MAX_LENGTH = 2048
LOWEST_PORT = 1024
"""Below it there are other protocols (mail, ssh, names) that a request must not be made to talk to."""
PORTS = {"http": 80, "https": 443}
PATTERN = r"""^([Hh][Tt][Tt][Pp][Ss]?)://(?:([A-Za-z0-9._-]+)|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?([/?][!"$-~]*)?$"""
"""Narrower than RFC 3986: what two parsers might read in two ways does not match."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: `host` is a name or an address without brackets, `path` what follows it in the URL."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """As RFC 9110 has it: an address of version 6 in brackets, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """The parts of a webhook's URL; raises ValueError, in words for whoever sent it."""
    if len(url) > MAX_LENGTH:
        raise ValueError(f"a webhook's URL may have {MAX_LENGTH} characters at most")
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("a webhook's URL must begin with https:// or http://")
    if "@" in url.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0]:
        raise ValueError("a webhook's URL must not have a user or password; messages are signed instead")
    if "#" in url:
        raise ValueError("a webhook's URL must not have a fragment")
    match = re.fullmatch(PATTERN, url)
    if match is None or url.endswith("\n"):
        raise ValueError("a webhook's URL must be printable ASCII, and its host letters, digits, '-' and '.'")
    scheme, name, address, port, rest = match.groups(default="")
    scheme = scheme.lower()
    return Target(scheme, _name(name) if name else _address(address), _port(scheme, port), _path(rest))


def _name(given: str) -> str:
    name = given.lower().rstrip(".")
    if not name or ".." in name:
        raise ValueError("a webhook's host must be a name or an address")
    return name


def _address(given: str) -> str:
    try:
        return str(IPv6Address(given))
    except ValueError as exc:
        raise ValueError("the brackets in a webhook's URL must hold an IPv6 address") from exc


def _port(scheme: str, given: str | None) -> int:
    port = int(given) if given else PORTS[scheme]
    if port not in PORTS.values() and not LOWEST_PORT <= port <= 65535:
        raise ValueError(f"a webhook's port must be 80, 443 or {LOWEST_PORT} to 65535")
    return port


def _path(rest: str) -> str:
    return rest if rest.startswith("/") else f"/{rest}"
