"""The same trouble again is counted and not repeated (pure). An absence of Redis is one trouble, however it is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

REDIS = ("redis", "")
"""The absence of Redis, among troubles of programs."""
REDIS_ANSWERS = "redis answers again"
"""The event with which a process says that Redis is back."""
FIRST_COUNT_SECONDS, FORGET_SECONDS = 30.0, 600.0
"""When repeats are told for the first time, and after how long at the latest. What is not met for so long is new."""
MOST_LINES, IN_SECONDS = 10, 300.0
"""Different troubles of one program that are told, at most."""

_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
_REDIS_AWAY = re.compile(
    r"Error (?:-?\d+ )?(?:connecting to|while reading from|while writing to)|Connection closed by server|"
    r"Timeout (?:connecting to server|reading from)|Redis is loading the dataset|Connection to broker lost|"
    r"Cannot connect to redis"
)
_CELERYS = re.compile(r"\.* Trying again in .*")
"""What Celery says after the reason."""
"""How redis-py 7, kombu and Celery 5 tell that Redis is away."""


def redis_away(text: str) -> str:
    """What a line says of a Redis that does not answer; '' if it does not tell of that."""
    found = _REDIS_AWAY.search(text)
    return _CELERYS.sub(".", text[found.start() :]) if found else ""


@dataclass(slots=True)
class _Trouble:
    text: str
    began: float
    seen: float
    repeats: int = 0
    """Since their number was told."""
    all_repeats: int = 0
    answered: bool = False


@dataclass(slots=True)
class _Pace:
    """When the repeats of one program are told next."""

    at: float
    pause: float = FIRST_COUNT_SECONDS

    def told(self, now: float) -> None:
        self.pause = min(self.pause * 2, FORGET_SECONDS)
        self.at = now + self.pause


@dataclass(slots=True)
class Repeats:
    """What has been told of one or several programs.

    Args:
        settle_seconds: so long no line may have told that Redis is away before it is said to be back.
        most: different troubles of one program that are told within some minutes; None for all.
    """

    settle_seconds: float = 0.0
    most: int | None = None
    _known: dict[tuple[str, str], _Trouble] = field(default_factory=dict)
    _paces: dict[str, _Pace] = field(default_factory=dict)

    def is_new(self, text: str, now: float, *, of: str = "") -> bool:
        """Whether a line of trouble is to be told; it is counted if not.

        Args:
            now: seconds of a clock that does not go back.
            of: the program that wrote it. That Redis is away is the same trouble of all.
        """
        for old in [key for key, each in self._known.items() if now - each.seen >= FORGET_SECONDS]:
            del self._known[old]
        key = REDIS if redis_away(text) else (of, _NUMBER.sub("#", text))
        if known := self._known.get(key):
            known.seen, known.answered = now, False
            known.repeats += 1
            known.all_repeats += 1
            if known.repeats == 1 and (key[0] not in self._paces or now - self._paces[key[0]].at >= FORGET_SECONDS):
                self._paces[key[0]] = _Pace(known.began + FIRST_COUNT_SECONDS)
            return False
        if self.most is not None and key != REDIS and self._told_lately(of, now) >= self.most:
            return False
        self._known[key] = _Trouble(f"{of}: {text}" if of else text, now, now)
        return True

    def redis_answers(self) -> None:
        """A program has said that Redis is back."""
        if away := self._known.get(REDIS):
            away.answered = True

    def counts(self, now: float) -> Iterator[str]:
        """What is to be said now of troubles that were counted, and of a Redis that is back."""
        if (away := self._known.get(REDIS)) and away.answered and now - away.seen >= self.settle_seconds:
            del self._known[REDIS]
            left_out = f"; {_lines(away.all_repeats)} about it left out" if away.all_repeats else ""
            yield f"Redis answers again, after {away.seen - away.began:.0f} s{left_out}"
        for program, pace in self._paces.items():
            repeated = [each for key, each in self._known.items() if key[0] == program and each.repeats]
            if repeated and now >= pace.at:
                pace.told(now)
                yield _count(program, repeated, now)

    def _told_lately(self, of: str, now: float) -> int:
        return sum(name == of and now - each.began < IN_SECONDS for (name, _), each in self._known.items())


def _count(program: str, repeated: list[_Trouble], now: float) -> str:
    """What is said of troubles that came again."""
    number = sum(each.repeats for each in repeated)
    for each in repeated:
        each.repeats = 0
    ago = f"{now - min(each.began for each in repeated):.0f} s ago"
    if len(repeated) > 1:
        told = f"{program}: troubles that were told" if program else "Troubles that were told"
        return f"{told} came again ({_lines(number)}, the first one {ago})"
    what = "Redis still does not answer" if program == REDIS[0] else repeated[0].text
    return f"{what} ({_lines(number)} more like this, the first one {ago})"


def _lines(number: int) -> str:
    return f"{number} line" if number == 1 else f"{number} lines"
