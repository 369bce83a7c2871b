"""Whether a text can be cut into lexemes in one way only: the longest that llguidance takes is what the rules mean."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tasks.answers.gbnf.parser import Chars, Choice, Item, Name, Ranges, Repeat, merged
from tasks.answers.gbnf.shape import Shape, Symbol

MOST_GROUPS = 1000
MOST_LEXEMES = 300
MOST_POSITIONS = 400
"""Characters of a lexeme: the time to judge two grows with the product."""
DEEPEST = 220
"""Items of a lexeme within each other, through the rules that it names."""


class TooMuchToTell(Exception):
    """Raised where judging would take too long."""


class _TooLarge(Exception):
    """Raised for a lexeme of too many characters, or of items that are too deep within each other."""


def _check_time(until: float) -> None:
    if time.monotonic() > until:
        raise TooMuchToTell


def cut_otherwise(shape: Shape, until: float) -> Item | None:
    """A lexeme because of which llguidance does not have all the readings that llama.cpp has; None if it has.

    `until` is a time of the monotonic clock. Raises TooMuchToTell.
    """
    if len(shape.lexemes) > MOST_LEXEMES:
        raise TooMuchToTell
    automata: list[_Automaton] = []
    for item in shape.lexemes:
        try:
            automata.append(_Builder(shape.rules, until).build(item))
        except _TooLarge:
            return item
    clashing = _Judge(shape, automata, until).find()
    return None if clashing is None else shape.lexemes[clashing]


@dataclass(slots=True)
class _Automaton:
    """A lexeme's characters in order, after Glushkov; repetitions are of any number of times."""

    ranges: list[Ranges] = field(default_factory=list)
    follow: list[set[int]] = field(default_factory=list)
    first: set[int] = field(default_factory=set)
    last: set[int] = field(default_factory=set)
    nullable: bool = False


class _Builder:
    """Builds the automaton of a lexeme."""

    def __init__(self, rules: Mapping[str, Choice], until: float) -> None:
        self._rules, self._until = rules, until
        self._made = _Automaton()
        self._depth = 0

    def build(self, item: Item) -> _Automaton:
        self._made.first, self._made.last, self._made.nullable = self._add(item)
        return self._made

    def _add(self, item: Item) -> tuple[set[int], set[int], bool]:
        """First and last characters, and whether it may be empty."""
        _check_time(self._until)
        if self._depth == DEEPEST:
            raise _TooLarge
        self._depth += 1
        found = self._parts(item)
        self._depth -= 1
        return found

    def _parts(self, item: Item) -> tuple[set[int], set[int], bool]:
        match item:
            case Chars(ranges):
                if len(self._made.ranges) >= MOST_POSITIONS:
                    raise _TooLarge
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


@dataclass(frozen=True, slots=True)
class _Compared:
    """What two lexemes that are allowed at one place may do there."""

    clash: bool
    """Whether one may end, and what may follow it be more of the other."""
    alike: bool
    """Whether both may be the same text, so that what follows either is allowed after it."""


def _compare(one: _Automaton, other: _Automaton, follow: Ranges, until: float) -> _Compared:
    waiting = [(a, b) for a in one.first for b in other.first]
    seen, alike = set(waiting), False
    while waiting:
        _check_time(until)
        a, b = waiting.pop()
        if not _overlap(one.ranges[a], other.ranges[b]):
            continue
        if a in one.last:
            alike = alike or b in other.last
            if any(_overlap(other.ranges[more], follow) for more in other.follow[b]):
                return _Compared(clash=True, alike=True)
        more_pairs = {(x, y) for x in one.follow[a] for y in other.follow[b]} - seen
        seen |= more_pairs
        waiting += more_pairs
    return _Compared(clash=False, alike=alike)


class _Judge:
    """Looks for a text at which a lexeme could end, though one that is allowed there goes on.

    It goes through the groups of lexemes that may be allowed at one place. A group has what may come after any of the
    lexemes that the last piece of text may have been.
    """

    def __init__(self, shape: Shape, automata: list[_Automaton], until: float) -> None:
        self._until = until
        self._productions, self._automata = shape.productions, automata
        self._known: dict[tuple[int, int], _Compared] = {}
        self._nullable = self._find_nullable()
        self._first = self._find_first()
        self._next = self._find_next()

    def find(self) -> int | None:
        """A lexeme that goes on where another one could end."""
        waiting = [frozenset(self._first["start"])]
        seen = set(waiting)
        while waiting:
            group = waiting.pop()
            for one in sorted(group):
                after = set[int]()
                _check_time(self._until)
                for other in sorted(group):
                    both = self._compared(one, other)
                    if both.clash:
                        return other
                    after |= self._next[other] if both.alike else set()
                if len(seen) > MOST_GROUPS:
                    raise TooMuchToTell
                if frozenset(after) not in seen:
                    seen.add(frozenset(after))
                    waiting.append(frozenset(after))
        return None

    def _compared(self, one: int, other: int) -> _Compared:
        if (one, other) not in self._known:
            follow = merged(each for after in self._next[one] for ranges in self._begins(after) for each in ranges)
            self._known[one, other] = _compare(self._automata[one], self._automata[other], follow, self._until)
        return self._known[one, other]

    def _begins(self, number: int) -> Iterable[Ranges]:
        automaton = self._automata[number]
        return (automaton.ranges[at] for at in automaton.first)

    def _is_nullable(self, symbol: Symbol) -> bool:
        return self._automata[symbol].nullable if isinstance(symbol, int) else symbol in self._nullable

    def _find_nullable(self) -> set[str]:
        self._nullable = found = set[str]()
        grows = True
        while grows:
            grows = False
            for name, alternatives in self._productions.items():
                _check_time(self._until)
                if name not in found and any(all(map(self._is_nullable, each)) for each in alternatives):
                    found.add(name)
                    grows = True
        return found

    def _firsts(self, symbols: Iterable[Symbol]) -> tuple[set[int], bool]:
        """Lexemes that may come first, and whether there need be none."""
        found = set[int]()
        for symbol in symbols:
            found |= {symbol} if isinstance(symbol, int) else self._first[symbol]
            if not self._is_nullable(symbol):
                return found, False
        return found, True

    def _find_first(self) -> dict[str, set[int]]:
        self._first = {name: set() for name in self._productions}
        grows = True
        while grows:
            grows = False
            for name, alternatives in self._productions.items():
                _check_time(self._until)
                found = set().union(*(self._firsts(each)[0] for each in alternatives))
                grows = grows or not found <= self._first[name]
                self._first[name] |= found
        return self._first

    def _find_next(self) -> dict[int, set[int]]:
        """Lexemes that may come after each."""
        after: dict[Symbol, set[int]] = {name: set() for name in self._productions}
        after |= {number: set() for number in range(len(self._automata))}
        grows = True
        while grows:
            grows = False
            for name, alternatives in self._productions.items():
                _check_time(self._until)
                for symbols in alternatives:
                    for at, symbol in enumerate(symbols):
                        found, through = self._firsts(symbols[at + 1 :])
                        found = found | after[name] if through else found
                        grows = grows or not found <= after[symbol]
                        after[symbol] |= found
        return {number: found for number, found in after.items() if isinstance(number, int)}


def _overlap(one: Ranges, other: Ranges) -> bool:
    """Whether two lists of ranges, each in order and without overlaps, have a character in common."""
    at = to = 0
    while at < len(one) and to < len(other):
        if one[at][1] < other[to][0]:
            at += 1
        elif other[to][1] < one[at][0]:
            to += 1
        else:
            return True
    return False
