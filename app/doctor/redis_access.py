"""Reaching a Redis: whether it answers, and whether both databases can be written to and read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import redis

from app.doctor import redis_server
from app.doctor.finding import Finding, fault, ok
from app.doctor.redis_server import Config, Info
from tasks.ledger.connection import connect
from tasks.ledger.probe import written_and_read
from tasks.urls import redis_database, redis_socket, with_redis_database

_LOGIN = ("noauth", "wrongpass", "authentication required", "invalid username-password")
"""How Redis says that it wants another login."""
_AROUND = re.compile(r"^Error (?:-?\d+ )?(?:connecting to|while reading from|while writing to) \S+?[.:]? (?=\S)")
LEDGER, BROKER = "ledger database", "broker database"
DEFAULT_PORT = 6379


class NoRedis(Exception):
    """Raised when there is no Redis to be looked at; the message says why."""


def look(ledger_url: str, broker_url: str, *, where: str = "") -> Iterator[Finding]:
    """All that is to be said of a cluster's Redis. The broker's may be another one.

    Args:
        where: which one it is, if not the one at its address.
    """
    try:
        info, config = ask(ledger_url)
    except (redis.RedisError, OSError) as exc:
        yield _unreachable(redis_server.SERVER, ledger_url, exc)
        return
    yield from redis_server.server(info, where=where or f"at {address(ledger_url)}")
    yield from redis_server.persistence(info, config)
    yield from redis_server.eviction(info)
    yield from redis_server.memory(info)
    yield from database(LEDGER, ledger_url, setting="CARAVAN_REDIS_URL")
    if address(broker_url) != address(ledger_url):
        try:
            yield from redis_server.eviction(ask(broker_url)[0], check="broker eviction")
        except (redis.RedisError, OSError) as exc:
            yield _unreachable("broker", broker_url, exc)
            return
    yield from database(BROKER, broker_url, setting="CARAVAN_BROKER_URL")


def ask(url: str) -> tuple[Info, Config]:
    """INFO and CONFIG GET. Database 0 is asked: every Redis has it."""
    with connect(with_redis_database(url, 0)) as client:
        info: Info = client.info()
        config: dict[str, str] = {}
        for name in ("appendfsync", "save"):
            try:
                config.update(client.config_get(name))
            except redis.ResponseError:  # hosted ones forbid it
                break
    return info, config


def database(check: str, url: str, *, setting: str) -> Iterator[Finding]:
    """Whether a value that is written can be read, and is removed again."""
    where = f"{address(url)}, database {index(url)}"
    try:
        with connect(url) as client:
            is_usable = written_and_read(client)
    except (redis.RedisError, OSError) as exc:
        yield _refused(check, where, setting=setting, said=_said(exc))
        return
    if is_usable:
        yield ok(check, f"{where}: written and read")
    else:
        yield fault(check, f"{where}: the written value was not there afterwards", "Use a Redis of Caravan's own.")


def address(url: str) -> str:
    """Host and port, or the path of a socket, without what opens it."""
    if path := redis_socket(url):
        return path
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or DEFAULT_PORT}"


def index(url: str) -> str:
    """The number of its database."""
    return str(redis_database(url))


def _unreachable(check: str, url: str, exc: Exception) -> Finding:
    return fault(check, *unreachable(url, exc))


def unreachable(url: str, exc: Exception) -> tuple[str, str]:
    """What is wrong with the Redis at an address that cannot be reached, or lets nobody in; and what to do."""
    said, where = str(exc).lower(), address(url)
    if isinstance(exc, redis.exceptions.BusyLoadingError):
        return f"the Redis at {where} is still reading its file", "Wait, then try again."
    if "without any password configured" in said:
        return f"the Redis at {where} asks for no password", "Leave it out of the URL: redis://HOST:PORT/0."
    if isinstance(exc, redis.AuthenticationError) or any(word in said for word in _LOGIN):
        parts = urlsplit(url)
        found = f"refuses the {'user or the password' if parts.username else 'password'}"
        found, act = (found, "Correct it in") if parts.password else ("asks for a password", "Put it into")
        return f"the Redis at {where} {found}", f"{act} the URL: redis://:PASSWORD@HOST:PORT/0 (percent-encoded)."
    if "protocol error" in said:
        return f"what answers at {where} is no Redis", "Correct the host and the port."
    return f"no Redis answers at {where}: {_why(exc)}", _way(url, said)


def _why(exc: Exception) -> str:
    """The reason without what redis-py puts around it: a number, and the address once more."""
    return _AROUND.sub("", _said(exc))


def _way(url: str, said: str) -> str:
    """What to do about a Redis that cannot be reached."""
    if redis_socket(url):
        return "Start it, or correct the path of its socket."
    if "certificate" in said:
        return "Name the authority that signed its certificate: rediss://HOST:PORT/0?ssl_ca_certs=FILE."
    if urlsplit(url).scheme == "rediss" and ("timeout" in said or "ssl" in said or "closed" in said):
        return "If it speaks no TLS, write redis:// instead of rediss://."
    if "closed" in said or "reset" in said:
        return "If it speaks TLS, write rediss:// instead of redis://; else correct the host and the port."
    if "name" in said and ("known" in said or "resolution" in said):
        return "Correct the name of the host."
    return "Start it, or correct the host and the port (rediss:// for TLS)."


def _refused(check: str, found: str, *, setting: str, said: str) -> Finding:
    if "index is out of range" in said.lower() or "cluster mode" in said.lower():
        after = " (left out, it is the one after the ledger's)" if check == BROKER else ""
        return fault(
            check,
            f"{found}: the server has too few databases",
            f"Name another one by {setting}{after}, or set `databases 16` or more in redis.conf and restart it.",
        )
    if "MISCONF" in said:
        return fault(check, f"{found}: {said}", "Redis cannot write to its disk: free some space, then read its log.")
    if "OOM" in said or "maxmemory" in said:
        return fault(check, f"{found}: {said}", "Its memory is full: raise `maxmemory`, or lower CARAVAN_RESULT_TTL.")
    if "READONLY" in said or "read only" in said:
        return fault(check, f"{found}: {said}", "Give the primary's address.")
    if "NOPERM" in said or "no permissions" in said.lower():
        return fault(
            check, f"{found}: {said}", "Give the user rights on all keys, channels and commands (ACL SETUSER)."
        )
    return fault(check, f"{found}: {said}", "Read the log of Redis.")


def _said(exc: Exception) -> str:
    return " ".join(str(exc).split()).rstrip(".")
