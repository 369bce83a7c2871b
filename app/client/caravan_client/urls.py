"""Addresses of servers: whether one is this machine, and how one is shown."""

from __future__ import annotations

import ipaddress
import re

_LOGIN = re.compile(r"^(.*?//)?.*@")


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone. A name other than localhost does not count, wherever it leads."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def without_password(url: str) -> str:
    """The address as it may be shown: whoever logs in there, and how, is left out."""
    return _LOGIN.sub(r"\1***@", url)
