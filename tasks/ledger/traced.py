"""Transitions of jobs that traces tell of: `lua/lib/traced.lua` notes them, and whoever exports traces takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence

TAKEN_AT_ONCE = 256

Noted = Mapping[str, str]
"""A transition by the names of `traced.lua`."""


def take(client: redis.Redis) -> list[Noted]:
    """The oldest that nobody has taken; as many as `TAKEN_AT_ONCE` means that there may be more.

    One that is taken is nobody else's: if its process dies before it is exported, it is lost.
    Raises redis-py's errors when Redis is away.
    """
    with refusals_as_absence():
        found = cast("list[str] | None", client.lpop(redis_keys.traced(), TAKEN_AT_ONCE))
    return [json.loads(each) for each in found or ()]
