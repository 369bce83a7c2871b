"""Addresses of servers, as people type them."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from caravan_client.urls import is_loopback, without_password

__all__ = [
    "is_http_url",
    "is_loopback",
    "is_redis_url",
    "redis_database",
    "redis_socket",
    "with_redis_database",
    "without_password",
]


def is_redis_url(url: str) -> bool:
    """Whether it is ``redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?OPTIONS]``, or ``rediss://``.

    Or a socket of this machine: ``unix:///PATH[?db=DATABASE]``.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return parts.path.startswith("/") and not parts.netloc and not parts.fragment
        known = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
        # What stands behind a `#` or a `?` of a password that is not percent-encoded is no option.
        return known and not parts.fragment and "@" not in parts.query and bool(re.fullmatch(r"/?\d*", parts.path))
    except ValueError:
        return False


def redis_socket(url: str) -> str | None:
    """The path of the socket that a Redis' URL names; None for one over TCP."""
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "unix" else None


def redis_database(url: str) -> int:
    """The number of the database in a Redis' URL. Raises ValueError if that is no number."""
    parts = urlsplit(url)
    named = dict(parse_qsl(parts.query)).get("db", "") if parts.scheme == "unix" else parts.path.strip("/")
    return int(named or 0)


def with_redis_database(url: str, database: int) -> str:
    """The URL of another database of the same Redis."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return parts._replace(path=f"/{database}").geturl()
    options = {**dict(parse_qsl(parts.query)), "db": str(database)}
    return f"unix://{parts.path}?{urlencode(options)}"


def is_http_url(url: str) -> bool:
    """Whether it is the address of an HTTP server."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
