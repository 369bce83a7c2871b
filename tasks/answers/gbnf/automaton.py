"""A lexeme's characters, and which may follow which."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tasks.answers.gbnf.parser import Chars, Choice, Item, Name, Ranges, Repeat

MOST_POSITIONS = 400
"""Characters of a lexeme: the time to judge two grows with the product."""
DEEPEST = 220
"""Items of a lexeme within each other, through the rules that it names."""


class TooMuchToTell(Exception):
    """Raised where judging would take too long."""


class TooLarge(Exception):
    """Raised for a lexeme of too many characters, or of items that are too deep within each other."""


def check_time(until: float) -> None:
    """Raises TooMuchToTell after a time of the monotonic clock."""
    if time.monotonic() > until:
        raise TooMuchToTell


@dataclass(slots=True)
class Automaton:
    """A lexeme's characters in order, after Glushkov; repetitions are of any number of times."""

    ranges: list[Ranges] = field(default_factory=list)
    follow: list[set[int]] = field(default_factory=list)
    first: set[int] = field(default_factory=set)
    last: set[int] = field(default_factory=set)
    nullable: bool = False


class Builder:
    """Builds the automaton of a lexeme."""

    def __init__(self, rules: Mapping[str, Choice], until: float) -> None:
        self._rules, self._until = rules, until
        self._made = Automaton()
        self._depth = 0

    def build(self, item: Item) -> Automaton:
        """Raises TooLarge or TooMuchToTell."""
        self._made.first, self._made.last, self._made.nullable = self._add(item)
        return self._made

    def _add(self, item: Item) -> tuple[set[int], set[int], bool]:
        """First and last characters, and whether it may be empty."""
        check_time(self._until)
        if self._depth == DEEPEST:
            raise TooLarge
        self._depth += 1
        found = self._parts(item)
        self._depth -= 1
        return found

    def _parts(self, item: Item) -> tuple[set[int], set[int], bool]:
        match item:
            case Chars(ranges):
                if len(self._made.ranges) >= MOST_POSITIONS:
                    raise TooLarge
                self._made.ranges.append(ranges)
                self._made.follow.append(set())
                at = {len(self._made.ranges) - 1}
                return at, set(at), False
            case Name(name):
                return self._add(self._rules[name])
            case Repeat(inner, least, most):
                first, last, nullable = self._add(inner)
                if most != 1:
                    self._join(last, first)
                return first, last, nullable or not least
            case Choice(alternatives):
                parts = [self._sequence(each) for each in alternatives]
                firsts = {at for part in parts for at in part[0]}
                lasts = {at for part in parts for at in part[1]}
                return firsts, lasts, any(part[2] for part in parts)

    def _sequence(self, items: Iterable[Item]) -> tuple[set[int], set[int], bool]:
        first, last, nullable = set[int](), set[int](), True
        for item in items:
            begins, ends, skippable = self._add(item)
            self._join(last, begins)
            first |= begins if nullable else set()
            last = last | ends if skippable else ends
            nullable = nullable and skippable
        return first, last, nullable

    def _join(self, before: set[int], after: set[int]) -> None:
        for at in before:
            self._made.follow[at] |= after
