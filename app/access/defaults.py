"""The limits of keys that have none of their own: a share of what all owners have together. Pure functions.

An operator mends what others have filled, so keys with the scope `admin` have no defaults; nor has anybody while keys
are off, when all is one owner's.
"""

from __future__ import annotations

from dataclasses import replace

from tasks.records.api_key import Key, Limits
from tasks.settings import Settings


def limits_of(key: Key, settings: Settings, redis_bytes: int | None) -> Limits:
    """A key's limits, with the owner's share where it has none. `stored_bytes` depends on the disk: see the files.

    `redis_bytes` is what Redis may use; None if that is not known.
    """
    if not is_bounded(key, settings):
        return key.limits
    own, share = key.limits, settings.owner_share
    return replace(
        own,
        jobs_in_flight=own.jobs_in_flight or part(settings.max_queue, share),
        streams=own.streams or part(streams_of_all(settings), share),
        result_bytes=own.result_bytes or _results_of_one(settings, redis_bytes),
    )


def is_bounded(key: Key, settings: Settings) -> bool:
    """Whether defaults are for this key."""
    return settings.keys and not key.is_admin


def streams_of_all(settings: Settings) -> int:
    """Responses that may be held open at once, of all owners."""
    return settings.all_streams or settings.web_processes * settings.web_connections


def _results_of_one(settings: Settings, redis_bytes: int | None) -> int | None:
    """Bytes of Redis that an owner's jobs may take. Half of Redis is left to what jobs make while they run, and to the
    rest."""
    whole = settings.all_result_bytes or (redis_bytes and redis_bytes // 2)
    return part(whole, settings.owner_share) if whole else None


def part(whole: int, share: float) -> int:
    """An owner's share of something, at least 1."""
    return max(1, int(whole * share))
