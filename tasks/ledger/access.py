"""Why a Redis cannot be reached, or lets nobody in, and what to do about it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import redis

from tasks.ledger.primary import SentinelLogin
from tasks.urls import redis_socket, sentinels

DEFAULT_PORT = 6379
_LOGIN = ("noauth", "wrongpass", "authentication required", "invalid username-password")
"""How Redis says that it wants another login."""
_AROUND = re.compile(r"^Error (?:-?\d+ )?(?:connecting to|while reading from|while writing to) \S+?[.:]? (?=\S)")


def wants_another_login(exc: Exception) -> bool:
    """Whether a Redis answers, and lets nobody in who comes so."""
    return isinstance(exc, redis.AuthenticationError) or any(word in str(exc).lower() for word in _LOGIN)


def address(url: str) -> str:
    """Host and port, the path of a socket, or sentinels and the name of their group; without what opens it."""
    if found := sentinels(url):
        return str(found)
    if path := redis_socket(url):
        return path
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or DEFAULT_PORT}"


def unreachable(url: str, exc: Exception) -> tuple[str, str]:
    """What is wrong with the Redis at an address that cannot be reached, or lets nobody in; and what to do."""
    heard, where = str(exc).lower(), address(url)
    if isinstance(exc, redis.exceptions.BusyLoadingError):
        return f"the Redis at {where} is still reading its file", "Wait, then try again."
    if "without any password configured" in heard:
        return f"the Redis at {where} asks for no password", "Leave it out of the URL: redis://HOST:PORT/0."
    if isinstance(exc, SentinelLogin):
        return f"a sentinel of {where} lets nobody in: {said(exc)}", "Set CARAVAN_SENTINEL_PASSWORD, or correct it."
    if wants_another_login(exc):
        parts = urlsplit(url)
        found = f"refuses the {'user or the password' if parts.username else 'password'}"
        found, act = (found, "Correct it in") if parts.password else ("asks for a password", "Put it into")
        return f"the Redis at {where} {found}", f"{act} the URL: redis://:PASSWORD@HOST:PORT/0 (percent-encoded)."
    if "protocol error" in heard:
        return f"what answers at {where} is no Redis", "Correct the host and the port."
    return f"no Redis answers at {where}: {_why(exc)}", _way(url, heard)


def _why(exc: Exception) -> str:
    """The reason without what redis-py puts around it: a number, and the address once more."""
    return _AROUND.sub("", said(exc))


def _way(url: str, heard: str) -> str:
    """What to do about a Redis that cannot be reached."""
    if redis_socket(url):
        return "Start it, or correct the path of its socket."
    if "certificate" in heard:
        return "Name the authority that signed its certificate: rediss://HOST:PORT/0?ssl_ca_certs=FILE."
    if sentinels(url):
        return "Start the sentinels and the primary, or correct the sentinels' addresses and the name behind them."
    if urlsplit(url).scheme == "rediss" and ("timeout" in heard or "ssl" in heard or "closed" in heard):
        return "If it speaks no TLS, write redis:// instead of rediss://."
    if "closed" in heard or "reset" in heard:
        return "If it speaks TLS, write rediss:// instead of redis://; else correct the host and the port."
    if "name" in heard and ("known" in heard or "resolution" in heard):
        return "Correct the name of the host."
    return "Start it, or correct the host and the port (rediss:// for TLS)."


def said(exc: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(exc).split()).rstrip(".")
