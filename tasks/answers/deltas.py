"""The parts of an answer, whole or as they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Content:
    """More of what is said to the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """More of what the model thinks before it answers."""

    text: str


@dataclass(frozen=True, slots=True)
class CallBegun:
    """The answer's call of that number, counted from 0, is one of this function."""

    call: int
    name: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """More of a call's arguments, as JSON text."""

    call: int
    text: str


Delta = Content | Reasoning | CallBegun | Arguments


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; the arguments are JSON text, unless the answer was cut off or the model wrote something else."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``content`` is None if there are calls and nothing else."""

    content: str | None
    reasoning: str | None
    calls: tuple[Call, ...]


def joined(deltas: Iterable[Delta]) -> list[Delta]:
    """The same, with pieces of one text that stand beside each other made one."""
    return [_one(list(run)) for _, run in groupby(deltas, key=_text_of)]


def _text_of(delta: Delta) -> tuple[type[Delta], int]:
    return type(delta), delta.call if isinstance(delta, CallBegun | Arguments) else 0


def _one(run: list[Delta]) -> Delta:
    first = run[0]
    if isinstance(first, CallBegun) or len(run) == 1:
        return first
    return replace(first, text="".join(piece.text for piece in run if not isinstance(piece, CallBegun)))
