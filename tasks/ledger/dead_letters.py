"""The jobs that workers died of, by when that was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import redis

from tasks.ledger import redis_keys


def page(client: redis.Redis, models: Sequence[str], *, after: str | None = None, count: int) -> list[str]:
    """So many ids of the dead letters of some models, the last one first, from after one of them on.

    Those of one time are ordered by their ids. Raises LookupError if `after` is none of them.
    """
    keys = [redis_keys.dead_letters(model) for model in models]
    starts = [0] * len(keys) if after is None else _starts(client, keys, after)
    pipe = client.pipeline(transaction=False)
    for key, start in zip(keys, starts, strict=True):
        pipe.zrevrange(key, start, start + count - 1, withscores=True)
    found: list[tuple[float, str]] = [(at, job_id) for letters in pipe.execute() for job_id, at in letters]
    return [job_id for _, job_id in sorted(found, reverse=True)[:count]]


def numbers(client: redis.Redis, models: Sequence[str]) -> dict[str, int]:
    """How many there are of each of some models, in one round trip."""
    pipe = client.pipeline(transaction=False)
    for model in models:
        pipe.zcard(redis_keys.dead_letters(model))
    return dict(zip(models, pipe.execute(), strict=True))


def _starts(client: redis.Redis, keys: Sequence[str], after: str) -> list[int]:
    """How many of each key's come before the page."""
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.zscore(key, after)
    at = next((score for score in pipe.execute() if score is not None), None)
    if at is None:
        raise LookupError(after)
    for key in keys:
        pipe.zcount(key, f"({at!r}", "+inf")
        pipe.zrangebyscore(key, repr(at), repr(at))
    replies = pipe.execute()
    later, same = cast("list[int]", replies[::2]), cast("list[list[str]]", replies[1::2])
    return [num + sum(job_id >= after for job_id in ids) for num, ids in zip(later, same, strict=True)]
