"""What a Redis says of itself: its version, what it keeps on disk, what it throws away, and its memory.

All here are judgements over INFO and CONFIG GET, in redis-py's types. A hosted Redis may refuse CONFIG: then what only
it tells is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.doctor.finding import Finding, fault, ok, warning
from tasks.byte_sizes import size

SERVER, PERSISTENCE, EVICTION, MEMORY = "redis", "redis persistence", "redis eviction", "redis memory"
REPLICAS = "redis replicas"
OLDEST = (6, 2)
"""The ledger's scripts were never tried on an older one."""
SUPPORTED = (7, 0)
"""Older ones get no more fixes from anybody: Redis ended 6.2 in 2025. Distributions look after their 7.0."""
NEARLY_FULL = 0.9

Info = Mapping[str, Any]
Config = Mapping[str, str]


def server(info: Info, *, where: str) -> Iterator[Finding]:
    """Its version and role; `where` says which one it is."""
    version = str(info.get("redis_version", "of an unknown version"))
    name = "Valkey" if "valkey_version" in info else "Redis"
    found = f"{name} {info.get('valkey_version', version)} {where}"
    if info.get("role") in ("slave", "replica"):
        yield fault(SERVER, f"{found}: a replica, it takes no writes", "Give the primary's address.")
    elif number(version) < OLDEST:
        yield fault(SERVER, f"{found}: too old", "Install Redis 7.2 or later, or Valkey.")
    elif number(version) < SUPPORTED:
        yield warning(
            SERVER, f"{found}: past its end of life, without further fixes", "Install Redis 7.2 or later, or Valkey."
        )
    else:
        yield ok(SERVER, found)


def persistence(info: Info, config: Config) -> Iterator[Finding]:
    """Whether what was accepted outlives a restart of Redis."""
    if failed := _failed_writes(info):
        yield fault(
            PERSISTENCE,
            f"its last write to the disk failed ({failed}): it may refuse all writes",
            "Read its log. The usual causes are a full disk and a folder without write permission.",
        )
    elif _number(info, "aof_enabled"):
        policy = config.get("appendfsync", "")
        found = f"an append-only file{f', appendfsync {policy}' if policy else ''}"
        if policy == "no":
            yield warning(
                PERSISTENCE,
                f"{found}: the system decides when data reaches the disk",
                "Set `appendfsync everysec`: a power cut then costs a second.",
            )
        else:
            yield ok(PERSISTENCE, found)
    elif config.get("save") or ("save" not in config and _number(info, "rdb_last_save_time")):
        yield warning(
            PERSISTENCE,
            "snapshots alone, no append-only file: a crash of Redis loses the jobs since the last one",
            "Set `appendonly yes` and `appendfsync everysec`.",
        )
    else:
        yield fault(
            PERSISTENCE,
            "none: Redis keeps no data on disk, and its restart loses every job",
            "Set `appendonly yes` and `appendfsync everysec`.",
        )


def eviction(info: Info, *, check: str = EVICTION) -> Iterator[Finding]:
    """Whether it throws away keys when its memory is full."""
    policy = str(info.get("maxmemory_policy", "")) or "unknown"
    if policy == "noeviction":
        yield ok(check, policy)
    else:
        yield fault(
            check,
            f"{policy}: when its memory is full, Redis deletes accepted jobs",
            "Set `maxmemory-policy noeviction`, and do not share the Redis with a cache.",
        )


def memory(info: Info) -> Iterator[Finding]:
    """What it uses of what it may."""
    used, most = _number(info, "used_memory"), _number(info, "maxmemory")
    if not most:
        yield ok(MEMORY, f"{size(used)} used, no limit")
        return
    found = f"{size(used)} of {size(most)} used"
    advice = "Raise `maxmemory`, or keep results for a shorter time (CARAVAN_RESULT_TTL)."
    if used >= most:
        yield fault(MEMORY, f"{found}: memory is full, and new jobs are refused", advice)
    elif used > NEARLY_FULL * most:
        yield warning(MEMORY, f"{found}: new jobs are refused when it is full", advice)
    else:
        yield ok(MEMORY, found)


def replicas(info: Info, *, needed: int) -> Iterator[Finding]:
    """Whether as many replicas follow it as must have a job before it is accepted."""
    found = int(_number(info, "connected_slaves"))
    if found < needed:
        yield fault(
            REPLICAS,
            f"{found} connected, and CARAVAN_REDIS_REPLICAS is {needed}: no job is accepted",
            "Start replicas, or lower the setting.",
        )
    elif found:
        yield ok(REPLICAS, f"{found} connected; {needed} of them must have a job before it is accepted")


def number(version: str) -> tuple[int, int]:
    """The first two numbers of a version; (0, 0) if it has none."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _failed_writes(info: Info) -> str:
    """The names of what went wrong last."""
    signs = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
    return ", ".join(sign for sign in signs if info.get(sign, "ok") != "ok")


def _number(info: Info, key: str) -> int:
    return int(info.get(key) or 0)
