"""Whether a text can be cut into lexemes in one way only: the longest that llguidance takes is what the rules mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.answers.gbnf.automaton import Automaton, Builder, TooLarge, TooMuchToTell, check_time
from tasks.answers.gbnf.parser import Item, Ranges, merged
from tasks.answers.gbnf.shape import Shape, Symbol

MOST_GROUPS = 1000
MOST_LEXEMES = 300


def cut_otherwise(shape: Shape, until: float) -> Item | None:
    """A lexeme because of which llguidance does not have all the readings that llama.cpp has; None if it has.

    `until` is a time of the monotonic clock. Raises TooMuchToTell.
    """
    if len(shape.lexemes) > MOST_LEXEMES:
        raise TooMuchToTell
    automata: list[Automaton] = []
    for item in shape.lexemes:
        try:
            automata.append(Builder(shape.rules, until).build(item))
        except TooLarge:
            return item
    clashing = _Judge(shape, automata, until).find()
    return None if clashing is None else shape.lexemes[clashing]


@dataclass(frozen=True, slots=True)
class _Compared:
    """What two lexemes that are allowed at one place may do there."""

    clash: bool
    """Whether one may end, and what may follow it be more of the other."""
    alike: bool
    """Whether both may be the same text, so that what follows either is allowed after it."""


def _compare(one: Automaton, other: Automaton, follow: Ranges, until: float) -> _Compared:
    waiting = [(a, b) for a in one.first for b in other.first]
    seen, alike = set(waiting), False
    while waiting:
        check_time(until)
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

    def __init__(self, shape: Shape, automata: list[Automaton], until: float) -> None:
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
                check_time(self._until)
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
                check_time(self._until)
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
                check_time(self._until)
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
                check_time(self._until)
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
