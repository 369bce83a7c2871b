"""Reading GBNF, llama.cpp's form of grammars, by the rules of its `llama_grammar_parser`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NoReturn

LAST: Final = 0x10FFFF
MOST_REPEATS: Final = 2000
"""As llama.cpp has it."""
DEEPEST: Final = 50

Ranges = tuple[tuple[int, int], ...]
_ESCAPED: Final = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "[": "[", "]": "]", "-": "-", "/": "/"}
_HEX_DIGITS: Final = {"x": 2, "u": 4, "U": 8}
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")
_BLANKS: Final = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_BLANKS_AND_LINES: Final = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_REPEATS: Final = re.compile(r"\{\s*(\d{1,9})\s*(?:(,)\s*(\d{1,9})?\s*)?\}")


class GbnfError(ValueError):
    """Raised for a grammar that llama.cpp does not read either; the message names the construct and its line."""


def read(text: str) -> dict[str, Choice]:
    """The rules of a grammar by their names, the first one of the text first. Raises GbnfError."""
    parser = _Parser(text)
    parser.read()
    return parser.rules


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Name:
    """What a rule describes."""

    name: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """An item several times; without an end if `most` is None."""

    item: Item
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives, each a sequence."""

    alternatives: tuple[tuple[Item, ...], ...]


Item = Chars | Name | Repeat | Choice


@dataclass(slots=True)
class _Parser:
    """Reads rules as llama.cpp's `llama_grammar_parser` does."""

    text: str
    at: int = 0
    rules: dict[str, Choice] = field(default_factory=dict)
    named: dict[str, int] = field(default_factory=dict)

    def read(self) -> None:
        self._skip(_BLANKS_AND_LINES)
        while self.at < len(self.text):
            name = self._name()
            self._skip(_BLANKS)
            if not self._take("::="):
                self._fail("'::=' is missing")
            self._skip(_BLANKS_AND_LINES)
            self.rules[name] = self._choice(depth=0)
            if self.at < len(self.text) and self.text[self.at] not in "\r\n":
                self._fail(f"{self.text[self.at]!r} has no meaning here")
            self._skip(_BLANKS_AND_LINES)
        if "root" not in self.rules:
            raise GbnfError("there is no rule 'root'")
        for name, at in self.named.items():
            if name not in self.rules:
                self.at = at
                self._fail(f"there is no rule {name!r}")

    def _choice(self, depth: int) -> Choice:
        if depth > DEEPEST:
            self._fail("the parentheses are nested too deeply")
        alternatives = [self._sequence(depth)]
        while self._take("|"):
            self._skip(_BLANKS_AND_LINES)
            alternatives.append(self._sequence(depth))
        return Choice(tuple(alternatives))

    def _sequence(self, depth: int) -> tuple[Item, ...]:
        items: list[Item] = []
        blanks = _BLANKS_AND_LINES if depth else _BLANKS
        last: list[Item] = []
        while self.at < len(self.text):
            first = self.text[self.at]
            if first == '"':
                last = list(self._literal())
            elif first == "[":
                last = [self._class()]
            elif first == ".":
                self.at += 1
                last = [Chars(((0, LAST),))]
            elif first == "(":
                last = [self._group(depth)]
            elif first in "*+?{":
                last = [self._repeat(last)]
                items.pop()
            elif _NAME.match(first):
                at = self.at
                last = [Name(name := self._name())]
                self.named.setdefault(name, at)
            elif first in "<!":
                self._fail("a token ('<...>') is not supported")
            else:
                break
            items.append(_one(last))
            self._skip(blanks)
        return tuple(items)

    def _group(self, depth: int) -> Choice:
        self.at += 1
        self._skip(_BLANKS_AND_LINES)
        made = self._choice(depth + 1)
        if not self._take(")"):
            self._fail("')' is missing")
        return made

    def _repeat(self, last: list[Item]) -> Repeat:
        if not last:
            self._fail(f"{self.text[self.at]!r} repeats nothing")
        sign = self.text[self.at]
        if sign in "*+?":
            self.at += 1
            return Repeat(_one(last), int(sign == "+"), 1 if sign == "?" else None)
        found = _REPEATS.match(self.text, self.at)
        if found is None:
            self._fail("a repetition is written {2}, {2,} or {2,5}")
        least = int(found[1])
        most = int(found[3]) if found[3] else None if found[2] else least
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            self._fail(f"a repetition is of 0 to {MOST_REPEATS} times, the lesser number first")
        self.at = found.end()
        return Repeat(_one(last), least, most)

    def _literal(self) -> Iterable[Item]:
        self.at += 1
        chars: list[Item] = []
        while not self._take('"'):
            char = self._char()
            chars.append(Chars(((char, char),)))
        return [Choice((tuple(chars),))]

    def _class(self) -> Chars:
        self.at += 1
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            low = high = self._char()
            if self.text[self.at : self.at + 1] == "-" and self.text[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self._char()
            if high < low:
                self._fail("the range of a character class is upside down")
            ranges.append((low, high))
        if not ranges:
            self._fail("a character class is empty")
        named = merged(ranges)
        return Chars(_complement(named) if negated else named)

    def _char(self) -> int:
        if self.at >= len(self.text):
            self._fail("the grammar ends within a text or a character class")
        char = self.text[self.at]
        self.at += 1
        if char != "\\":
            return ord(char)
        escape = self.text[self.at : self.at + 1]
        if escape in _HEX_DIGITS:
            digits = self.text[self.at + 1 : self.at + 1 + _HEX_DIGITS[escape]]
            if re.fullmatch(rf"[0-9a-fA-F]{{{_HEX_DIGITS[escape]}}}", digits) and int(digits, 16) <= LAST:
                self.at += 1 + len(digits)
                return int(digits, 16)
        elif escape in _ESCAPED:
            self.at += 1
            return ord(_ESCAPED[escape])
        return self._fail(f"the escape '\\{escape}' is none of GBNF's")

    def _name(self) -> str:
        found = _NAME.match(self.text, self.at)
        if found is None:
            self._fail("a rule's name is missing")
        self.at = found.end()
        return found[0]

    def _take(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def _skip(self, blanks: re.Pattern[str]) -> None:
        found = blanks.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _fail(self, why: str) -> NoReturn:
        line = self.text.count("\n", 0, self.at) + 1
        raise GbnfError(f"{why}, in line {line}")


def _one(items: list[Item]) -> Item:
    return items[0] if len(items) == 1 else Choice((tuple(items),))


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same characters as ranges in order, without overlaps."""
    made: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if made and low <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(high, made[-1][1]))
        else:
            made.append((low, high))
    return tuple(made)


def _complement(ranges: Ranges) -> Ranges:
    starts = [0, *(high + 1 for _, high in ranges)]
    ends = [*(low - 1 for low, _ in ranges), LAST]
    return tuple((low, high) for low, high in zip(starts, ends, strict=True) if low <= high)
