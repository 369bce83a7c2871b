"""Reaching a Redis: whether it answers, and whether both databases can be written to and read."""

from __future__ import annotations

from collections.abc import Iterator

import redis

from app.doctor import redis_server
from app.doctor.finding import Finding, fault, ok
from app.doctor.redis_server import Config, Info
from tasks.ledger.access import address, said, unreachable
from tasks.ledger.connection import connect
from tasks.ledger.probe import written_and_read
from tasks.urls import redis_database, with_redis_database

LEDGER, BROKER = "ledger database", "broker database"


class NoRedis(Exception):
    """Raised when there is no Redis to be looked at; the message says why."""


def look(ledger_url: str, broker_url: str, *, where: str = "", replicas: int = 0) -> Iterator[Finding]:
    """All that is to be said of a cluster's Redis. The broker's may be another one.

    Args:
        where: which one it is, if not the one at its address.
        replicas: how many of its replicas must have a job before it is accepted.
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
    yield from redis_server.replicas(info, needed=replicas)
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
        yield _refused(check, where, setting=setting, said=said(exc))
        return
    if is_usable:
        yield ok(check, f"{where}: written and read")
    else:
        yield fault(check, f"{where}: the written value was not there afterwards", "Use a Redis of Caravan's own.")


def index(url: str) -> str:
    """The number of its database."""
    return str(redis_database(url))


def _unreachable(check: str, url: str, exc: Exception) -> Finding:
    return fault(check, *unreachable(url, exc))


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
