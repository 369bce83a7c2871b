"""What callers use: requests and tokens a minute, and responses held open, counted in Redis by one script a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import redis

from app.services.rate_window import Window
from tasks.ledger.scripts import Scripts

EVERYBODY = "*"
"""Whose window is that of all keys together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """So much of a limit a minute. `whose` is a key's id, or `EVERYBODY`."""

    kind: str
    whose: str
    limit: int
    cost: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUse:
    """A response that is to be held open; it counts for so many seconds unless it is renewed."""

    id: str
    owner: str
    seconds: float
    most: int
    most_all: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a request, its windows in the order that they were asked in, and when, on the clock of Redis.

    `number` is the place of the window that has not so much left, or how many streams are open already.
    """

    verdict: Literal["in", "rate", "streams", "all_streams"]
    number: int
    at: str
    windows: tuple[Window, ...]


class Rates:
    """Raises redis-py's errors while Redis is away: what cannot be counted is not let through."""

    def __init__(self, client: redis.Redis) -> None:
        self._run = Scripts(client)

    def enter(self, uses: Sequence[Use], stream: StreamUse | None = None) -> Entry:
        """Use so much of all limits, or of none if one has not so much left; then note a stream, if there is room."""
        held = (stream.id, stream.owner, stream.seconds, stream.most, stream.most_all) if stream else ("", "", 0, 0, 0)
        asked = [part for use in uses for part in (use.kind, use.whose, use.limit, use.cost)]
        verdict, number, at, *figures = self._run("enter", *held, *asked)
        windows = (_window(use, figures[4 * place : 4 * place + 4]) for place, use in enumerate(uses))
        place = int(number) - 1 if verdict == "rate" else int(number)
        return Entry(verdict, place, at, tuple(windows))


def _window(use: Use, figures: Sequence[str]) -> Window:
    previous, previous_left, current, current_left = map(float, figures)
    return Window(
        limit=use.limit,
        previous=int(previous),
        previous_left=previous_left,
        current=int(current),
        current_left=current_left,
    )
