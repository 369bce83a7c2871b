"""Addresses of servers: whether one is this machine, and how one is shown."""

from __future__ import annotations

import ipaddress
import re

_LOGIN = re.compile(r"^(.*?//)?.*@", re.DOTALL)
_PASSWORD_OPTION = re.compile(r"([?&][^=&#]*password)=[^&#]*", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone. A name other than localhost does not count, wherever it leads."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def without_password(url: str) -> str:
    """The address as it may be shown: whoever logs in there, and how, is left out, also of its options."""
    return _PASSWORD_OPTION.sub(r"\1=***", _LOGIN.sub(r"\1***@", url))
