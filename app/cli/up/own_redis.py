"""A Redis of our own, for a cluster on one machine.

It listens on a socket in a folder that is ours alone, and on no port: a port can be bound by any program of the machine
first, which would then be given all jobs.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import click
import redis
from filelock import FileLock, Timeout

from app.cli.up import redis_program
from app.cli.up.log_files import LogFile
from app.cli.up.private_files import private_folder
from app.cli.up.secrets_of_programs import withheld_from
from app.cli.up.supervisor import Program
from app.doctor import redis_access
from app.doctor.finding import State
from tasks.ledger.access import unreachable
from tasks.ledger.connection import OPTIONS, SOCKET_OPTIONS, connect, takes_options
from tasks.machine.memory import read_room
from tasks.settings import Settings
from tasks.urls import is_loopback, is_redis_url, redis_form, redis_socket, sentinels, without_password

OPTION = "--redis-url"
PORT = 6379
"""Redis' own, where a URL names none."""
LONGEST_PATH = 100
"""Bytes of a socket's path: the kernel takes 107 on Linux, 103 on macOS."""
PACKED_VALUE_BYTES = 1024
"""Redis packs a small hash into one allocation as long as no value of it is longer: a job with a request of so many
bytes takes half of the memory."""


class _Size(click.ParamType[str]):
    """A size as redis.conf has it."""

    name = "size"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,17}([kmg]b?)?", value.lower()):
            self.fail(f"'{value}' is no size: send bytes, or a number with kb, mb or gb.", param, ctx)
        return value.lower()


SIZE = _Size()


@dataclass(frozen=True, slots=True)
class OwnRedis:
    """How to run it and how to reach it."""

    program: Program
    origin: str
    """Where its program was found, in words."""
    url: str
    lock: FileLock
    """Held as long as the server may write into the folder."""
    runtime: tempfile.TemporaryDirectory[str] | None = None
    """The socket's folder, if the data folder's path is too long for a socket."""

    def close(self) -> None:
        """Leave the folder to others; the server has ended."""
        if self.runtime is not None:
            self.runtime.cleanup()
        self.lock.release()

    def answers(self) -> bool:
        """Whether it has started and has read its file."""
        try:
            return bool(redis.Redis.from_url(self.url, socket_timeout=1).ping())
        except redis.RedisError:
            return False


def own_redis(data: Path, *, log: LogFile | None = None, memory: str | None = None) -> OwnRedis:
    """A server on a socket in `data`, which keeps every write in an append-only file there.

    Args:
        log: where it writes what it says.
        memory: at how much of it new jobs are refused, as Redis writes sizes; half of the machine's if left out.

    Raises:
        ClickException: another cluster uses the folder, or there is no redis-server, or it cannot read the file.
    """
    folder = data / "redis"
    private_folder(folder)
    found = redis_program.find()
    redis_program.refuse_older(found, folder)
    lock = _lock(data / "lock")
    socket, runtime = _socket(folder.resolve())
    config = (
        "port 0",
        f'unixsocket "{socket}"',
        "unixsocketperm 600",
        f'dir "{folder.resolve()}"',
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        f"maxmemory {memory or _half_of_memory()}",
        "maxmemory-policy noeviction",
        f"hash-max-ziplist-value {PACKED_VALUE_BYTES}",
        "loglevel warning",
    )
    stdin, withheld = "\n".join(config) + "\n", withheld_from("redis")
    program = Program(name="redis", argv=[str(found.path), "-"], withheld=withheld, stdin=stdin, rank=0, log=log)
    return OwnRedis(program, found.origin, f"unix://{quote(str(socket))}?db=0", lock, runtime)


def _socket(folder: Path) -> tuple[Path, tempfile.TemporaryDirectory[str] | None]:
    """Where the server is to listen, and the folder that was made for that, if the path in `folder` is too long.

    Each server has a name of its own: one that ends late removes its socket, and would remove its successor's.
    """
    for left in folder.glob("*.sock"):  # of servers that were killed; the lock says that none runs
        left.unlink(missing_ok=True)
    name = f"{secrets.token_hex(4)}.sock"
    if len(os.fsencode(folder / name)) <= LONGEST_PATH:
        return folder / name, None
    runtime = tempfile.TemporaryDirectory(prefix="caravan-", dir=_runtime_folder(), ignore_cleanup_errors=True)
    return Path(runtime.name) / name, runtime


def _half_of_memory() -> int:
    """In bytes: Redis refuses jobs before the machine swaps. No limit (0) where nothing tells how much there is."""
    room = read_room()
    return room.total // 2 if room else 0


def _runtime_folder() -> str | None:
    """The user's own folder for sockets, if there is one; else the one for temporary files is taken."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return folder if 0 < len(os.fsencode(folder)) <= LONGEST_PATH // 2 and os.access(folder, os.W_OK) else None


def _lock(path: Path) -> FileLock:
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as exc:
        raise click.ClickException(f"Another cluster uses {path.parent}. Stop it, or give another --data.") from exc
    return lock


def refuse_unusable(url: str, settings: Settings) -> None:
    """Raise BadParameter for a URL that is no Redis', and for a Redis that does not answer or cannot be used."""
    if not is_redis_url(url) or not takes_options(url):
        wrong = f"'{without_password(url)}' is not {redis_form(url)}{_options(url)}."
        raise click.BadParameter(wrong, param_hint=OPTION)
    there = settings.model_copy(update={"redis_url": url})
    try:
        with connect(there.ledger_url) as client:
            client.ping()
    except redis.exceptions.BusyLoadingError:
        return  # it reads its file; the cluster waits for it
    except redis.ResponseError:
        pass  # it answers, and what is wrong with its database is said below
    except (redis.RedisError, OSError, UnicodeError) as exc:
        found, advice = unreachable(url, exc)
        raise click.BadParameter(f"{found[0].upper()}{found[1:]}. {advice}", param_hint=OPTION) from exc
    _refuse_databases(there.ledger_url, there.celery_broker_url)


def _refuse_databases(url: str, broker_url: str) -> None:
    """Both are written to and read, since Celery's is a second one, which a server need not have."""
    findings = (
        *redis_access.database(redis_access.LEDGER, url, setting=OPTION),
        *redis_access.database(redis_access.BROKER, broker_url, setting="CARAVAN_BROKER_URL"),
    )
    for finding in findings:
        if finding.state is State.FAULT:
            raise click.BadParameter(f"The {finding.check} {finding.found}. {finding.advice}", param_hint=OPTION)


def _options(url: str) -> str:
    """Which options may stand in a URL that has some, and is otherwise one of Redis'."""
    if not is_redis_url(url) or "?" not in url:
        return ""
    known = SOCKET_OPTIONS if redis_socket(url) else OPTIONS
    return f", with no options but {', '.join(sorted(known))}"


def port_here(redis_url: str | None) -> int | None:
    """The port of a Redis on this machine."""
    if not redis_url or not is_redis_url(redis_url) or sentinels(redis_url):
        return None
    parts = urlsplit(redis_url)
    return (parts.port or PORT) if is_loopback(parts.hostname or "") else None
