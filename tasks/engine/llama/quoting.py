"""Text that stays text: what a conversation says is quoted before a template has it, and told apart in the prompt.

A quoted character is written as a surrogate, of which no text consists. So whatever a template
does with a text, joins it to its own or cuts it, no special token is found in it. A `Quoted` still answers a template
that looks into it by what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, SupportsIndex

from tasks.engine.llama.code_points import read, write


class Prompt(str):
    """The prompt of a conversation. In `quoted` what the conversation says is quoted, and the template's own is not."""

    __slots__ = ("quoted",)
    quoted: str

    def __new__(cls, quoted: str) -> Self:
        made = super().__new__(cls, unquoted(quoted))
        made.quoted = str.__str__(quoted)
        return made


class Quoted(str):
    """A text of which some or all is quoted. It is compared, hashed, searched and cut by what it says."""

    __slots__ = ("_says",)
    _says: str

    def __new__(cls, written: str, says: str) -> Self:
        made = super().__new__(cls, written)
        made._says = says
        return made

    def __hash__(self) -> int:
        return hash(self._says)

    def __eq__(self, other: object) -> bool:
        return bool(self._says == _said(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: str) -> bool:
        return bool(self._says < _said(other))

    def __le__(self, other: str) -> bool:
        return bool(self._says <= _said(other))

    def __gt__(self, other: str) -> bool:
        return bool(self._says > _said(other))

    def __ge__(self, other: str) -> bool:
        return bool(self._says >= _said(other))

    def __contains__(self, other: object) -> bool:
        return _said(other) in self._says

    def __str__(self) -> str:
        return self

    def __repr__(self) -> str:
        return write(repr(self._says))

    def __format__(self, spec: str) -> str:
        return write(format(self._says, spec)) if spec else str.__str__(self)

    def __int__(self) -> int:
        return int(self._says)

    def __float__(self) -> float:
        return float(self._says)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __add__(self, other: str) -> str:
        return _read(str.__add__(self, other))

    def __radd__(self, other: str) -> str:
        return _read(str.__add__(other, self))

    def __getitem__(self, at: SupportsIndex | slice) -> str:
        return type(self)(str.__getitem__(self, at), self._says[at])

    def __iter__(self) -> Iterator[str]:
        return (self[at] for at in range(len(self)))

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        return self._cut(self._says.split(_said(sep), maxsplit), len(sep or ""))

    def rsplit(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        return self._cut(self._says.rsplit(_said(sep), maxsplit), len(sep or ""))

    def splitlines(self, keepends: bool = False) -> list[str]:
        made, at = [], 0
        for whole, line in zip(self._says.splitlines(True), self._says.splitlines(keepends), strict=True):
            made.append(self[at : at + len(line)])
            at += len(whole)
        return made

    def partition(self, sep: str) -> tuple[str, str, str]:
        at = self._says.find(_said(sep))
        return (self, "", "") if at < 0 else (self[:at], self[at : at + len(sep)], self[at + len(sep) :])

    def rpartition(self, sep: str) -> tuple[str, str, str]:
        at = self._says.rfind(_said(sep))
        return ("", "", self) if at < 0 else (self[:at], self[at : at + len(sep)], self[at + len(sep) :])

    def strip(self, chars: str | None = None) -> str:
        left = len(self) - len(self._says.lstrip(_said(chars)))
        return self[left : left + len(self._says.strip(_said(chars)))]

    def lstrip(self, chars: str | None = None) -> str:
        return self[len(self) - len(self._says.lstrip(_said(chars))) :]

    def rstrip(self, chars: str | None = None) -> str:
        return self[: len(self._says.rstrip(_said(chars)))]

    def removeprefix(self, prefix: str) -> str:
        return self[len(self._says) - len(self._says.removeprefix(_said(prefix))) :]

    def removesuffix(self, suffix: str) -> str:
        return self[: len(self._says.removesuffix(_said(suffix)))]

    def replace(self, old: str, new: str, count: SupportsIndex = -1) -> str:
        if not old:
            return write(self._says.replace(old, _said(new), count))
        return joined(new, self.split(old, count))

    def join(self, parts: Iterable[str]) -> str:
        return joined(self, parts)

    def _cut(self, pieces: list[str], gap: int) -> list[str]:
        """The parts that say this. Between them are so many characters; blanks, where that is none."""
        made, at = [], 0
        for piece in pieces:
            at = at if gap else self._says.find(piece, at)
            made.append(self[at : at + len(piece)])
            at += len(piece) + gap
        return made


def _telling(name: str) -> Any:
    """A method that tells something of a text, by what it says."""
    method = getattr(str, name)
    return lambda self, *given: method(self._says, *map(_said, given))


def _making(name: str) -> Any:
    """A method that makes another text. All of that is quoted."""
    method = getattr(str, name)
    return lambda self, *given, **named: _quoted(method(self._says, *map(_said, given), **named))


for _name in (
    *("isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable"),
    *("isspace", "istitle", "isupper", "find", "rfind", "index", "rindex", "count", "startswith", "endswith"),
):
    setattr(Quoted, _name, _telling(_name))
for _name in (
    *("upper", "lower", "title", "capitalize", "casefold", "swapcase", "center", "ljust", "rjust", "zfill"),
    *("expandtabs", "__mod__", "__mul__", "__rmul__"),
):
    setattr(Quoted, _name, _making(_name))


def quoted(value: Any, *, known: frozenset[str] = frozenset()) -> Any:
    """A value of JSON with all its texts quoted, and its names too but for those that are known.

    Raises:
        InvalidRequest: a text has surrogates, and so is none.
    """
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return {key if key in known else quoted(key): quoted(each, known=known) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [quoted(each, known=known) for each in value]
    return value


def joined(between: str, parts: Iterable[str]) -> str:
    """The parts with a text between them, each quoted as far as it was."""
    return _read(str.join(between, map(str, parts)))


def unquoted(text: str) -> str:
    """What a text says."""
    if isinstance(text, Quoted):
        return text._says
    return read(text)


def escaped(text: str) -> str:
    """JSON as it is with ``ensure_ascii``, quoted as far as it was."""
    if text.isascii():
        return text
    return re.sub(r"[^\x00-\x7f]", lambda match: _escaped(match.group()), text)


def _escaped(char: str) -> str:
    said = unquoted(char)
    if said.isascii():
        return char
    units = said.encode("utf-16-be").hex()
    text = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return text if said == char else write(text)


def _quoted(text: str) -> Quoted:
    return Quoted(write(text), text)


def _read(text: str) -> str:
    """A text that may be written with quotes, so that it is read by what it says."""
    says = unquoted(text)
    return text if says is text else Quoted(text, says)


def _said(value: Any) -> Any:
    if isinstance(value, Quoted):
        return value._says
    if isinstance(value, tuple):
        return tuple(map(_said, value))
    return unquoted(str(value)) if isinstance(value, str) else value
