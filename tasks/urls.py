"""Addresses of servers, as people type them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from caravan_client.urls import is_loopback, without_password

__all__ = [
    "REDIS_URLS",
    "SENTINEL_URLS",
    "Sentinels",
    "is_http_url",
    "is_loopback",
    "is_redis_url",
    "redis_database",
    "redis_form",
    "redis_socket",
    "sentinels",
    "server_url",
    "with_redis_database",
    "with_sentinel_login",
    "without_password",
]

REDIS_URLS = "redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix:///PATH?db=DATABASE"
SENTINEL_URLS = "redis+sentinel://HOST:PORT,HOST:PORT/NAME/DATABASE (rediss+sentinel:// for TLS)"
"""The forms of a Redis' URL. NAME is what the sentinels call the group: `sentinel monitor NAME ...`."""
SENTINEL_PORT = 26379
_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?"
_SENTINEL_URL = re.compile(
    rf"(?P<scheme>rediss?)\+sentinel://(?:(?P<login>[^@/?#]*)@)?(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r"/(?P<service>[A-Za-z0-9._-]+)(?:/(?P<database>\d*))?(?:\?(?P<query>[^#@]*))?"
)
_SENTINEL_LOGIN = ("sentinel_user", "sentinel_password")
"""Where `with_sentinel_login` puts what opens the sentinels; nobody else may write it into a URL."""


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Those that know which server of a group is the primary, and what they call the group."""

    addresses: tuple[tuple[str, int], ...]
    service: str
    user: str | None
    password: str | None

    def __str__(self) -> str:
        return f"{','.join(f'{host}:{port}' for host, port in self.addresses)}/{self.service}"


def is_redis_url(url: str) -> bool:
    """Whether it is ``redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?OPTIONS]``, or ``rediss://``.

    Or a socket of this machine: ``unix:///PATH[?db=DATABASE]``; or that of sentinels, as `sentinels` reads it.
    """
    if _names_sentinels(url):
        return sentinels(url) is not None
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return parts.path.startswith("/") and not parts.netloc and not parts.fragment
        known = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
        # What stands behind a `#` or a `?` of a password that is not percent-encoded is no option.
        return known and not parts.fragment and "@" not in parts.query and bool(re.fullmatch(r"/?\d*", parts.path))
    except ValueError:
        return False


def redis_form(url: str) -> str:
    """What the URL of a Redis has to be, for one that is not: of whoever writes of sentinels, theirs."""
    return SENTINEL_URLS if _names_sentinels(url) else f"{REDIS_URLS}, or {SENTINEL_URLS}"


def _names_sentinels(url: str) -> bool:
    return "sentinel" in url.partition("://")[0]


def sentinels(url: str) -> Sentinels | None:
    """Whom a URL names, of ``redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT],.../NAME[/DATABASE][?OPTIONS]``.

    The login is that of the servers. None for another URL, and for one of sentinels that is wrong.
    """
    read = _SENTINEL_URL.fullmatch(url)
    if read is None:
        return None
    addresses = tuple(_host_and_port(each) for each in read["hosts"].split(","))
    if not all(0 < port <= 65535 for _, port in addresses):
        return None
    if not all(map(_is_ipv6, re.findall(r"\[(.*?)\]", read["hosts"]))):
        return None
    given = dict(parse_qsl(read["query"] or ""))
    return Sentinels(addresses, read["service"], *(given.get(name) for name in _SENTINEL_LOGIN))


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except ValueError:
        return False


def _host_and_port(text: str) -> tuple[str, int]:
    bracketed = text.rpartition("]")
    host, _, port = (bracketed[0] + "]", "", bracketed[2].strip(":")) if bracketed[1] else text.partition(":")
    return host.strip("[]"), int(port or SENTINEL_PORT)


def with_sentinel_login(url: str, *, user: str | None, password: str | None) -> str:
    """The URL with what opens the sentinels; another one is as it was."""
    named = {"sentinel_user": user, "sentinel_password": password}
    given = urlencode({name: value for name, value in named.items() if value is not None})
    return url if sentinels(url) is None or not given else f"{url}{'&' if '?' in url else '?'}{given}"


def server_url(url: str) -> str:
    """The URL with the login, the database and the options of the servers, whose host is the name of their group.

    One that names a server is as it was.
    """
    read = _SENTINEL_URL.fullmatch(url)
    if read is None:
        return url
    given = [(name, value) for name, value in parse_qsl(read["query"] or "", True) if name not in _SENTINEL_LOGIN]
    login = "" if read["login"] is None else f"{read['login']}@"
    rest = f"?{urlencode(given)}" if given else ""
    return f"{read['scheme']}://{login}{read['service']}/{read['database'] or 0}{rest}"


def redis_socket(url: str) -> str | None:
    """The path of the socket that a Redis' URL names; None for one over TCP."""
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "unix" else None


def redis_database(url: str) -> int:
    """The number of the database in a Redis' URL. Raises ValueError if that is no number."""
    parts = urlsplit(server_url(url))
    named = dict(parse_qsl(parts.query)).get("db", "") if parts.scheme == "unix" else parts.path.strip("/")
    return int(named or 0)


def with_redis_database(url: str, database: int) -> str:
    """The URL of another database of the same Redis."""
    if read := _SENTINEL_URL.fullmatch(url):
        rest = f"?{read['query']}" if read["query"] else ""
        return f"{url[: read.end('service')]}/{database}{rest}"
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
