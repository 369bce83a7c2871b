"""Which names a server goes by, and which pages are its own (pure).

A page whose name is made to lead to this machine (DNS rebinding) counts as ours to a browser, but its requests carry
its own name as ``Host``. And what a page sends elsewhere is marked by the browser (Fetch metadata): the rule is that of
Go's `net/http.CrossOriginProtection`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

ANY = "*"
LOCAL = "localhost"
"""Of origins: every page of this machine, at a call by a name of this machine."""
SAFE = frozenset({"GET", "HEAD"})
OF_CONTAINERS = frozenset({"host.docker.internal", "host.containers.internal"})
"""What containers call the machine that they run on. Nobody can register a name that ends in .internal."""
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::\d*)?")


def own_names(bound: str) -> frozenset[str]:
    """What a server on this machine may be called unless settings say more.

    Args:
        bound: the name or the address that it binds.
    """
    machine = os.uname().nodename.lower()
    return OF_CONTAINERS | {bound.lower(), machine, f"{machine}.local"}


def is_known(host: str, names: Collection[str]) -> bool:
    """Whether a ``Host`` is an address, loopback's name or one of these names, whatever its port.

    An address needs no name server, which an attacker could have. A client without a ``Host`` is no browser.

    Args:
        names: in lower case; ``*.example.org`` is every name below that one, and ``*`` every name.
    """
    found = _AUTHORITY.fullmatch(host.strip().lower())
    if found is None:
        return False
    name = found[1].removesuffix(".")
    if name in ("", "localhost") or name.endswith(".localhost") or name in names or ANY in names:
        return True
    parents = name.split(".")[1:]
    return _is_address(name) or any(f"*.{'.'.join(parents[at:])}" in names for at in range(len(parents)))


def lets_in(origin: str, host: str, origins: Collection[str]) -> bool:
    """Whether pages of an origin may call.

    Args:
        host: the call's ``Host``, which pages cannot choose.
        origins: those that may; ``*`` is any, and ``localhost`` is each on loopback, as long as it calls loopback.
    """
    if ANY in origins or (origin in origins and origin != LOCAL):
        return True
    is_web = origin.lower().startswith(("http://", "https://"))
    return LOCAL in origins and is_web and _is_loopback(_authority_of(origin)) and _is_loopback(host)


def is_cross_site(method: str, headers: Mapping[str, str], origins: Collection[str] = ()) -> bool:
    """Whether a page of another origin sends this. Following a link from there is not meant.

    Args:
        origins: those whose pages may, as `lets_in` has them.
    """
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if origin is not None and lets_in(origin, headers.get("Host", ""), origins):
        return False
    if site is not None:
        follows = method in SAFE and headers.get("Sec-Fetch-Mode") == "navigate"
        return site not in ("same-origin", "none") and not follows
    return origin is not None and _authority_of(origin) != headers.get("Host", "").lower()


def _authority_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_loopback(authority: str) -> bool:
    """Whether an authority is this machine's own, whatever its port: no name server is asked for these."""
    found = _AUTHORITY.fullmatch(authority.strip().lower())
    if found is None:
        return False
    address = _address(found[1])
    return address.is_loopback if address else found[1] == LOCAL


def _is_address(name: str) -> bool:
    return _address(name) is not None


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.strip("[]"))
    except ValueError:
        return None
