"""What sequences made since it was last written, and when that is written: at once to readers, else together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tasks.records.event import encode_token
from tasks.records.logprobs import TokenLogprobs
from tasks.worker.held import Held

KEPT_SECONDS = 0.5
"""So long tokens are kept that nobody reads. A worker that dies takes them with it, and the next one computes them."""
KEPT_TOKENS = 64
UNREAD_SECONDS = 1.0
"""A job that is not `low` is likely to get a reader soon after its first token."""


@dataclass(slots=True)
class Piece:
    """What one sequence made since the last call."""

    index: int
    text: str = ""
    tokens: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    logprobs: list[TokenLogprobs] = field(default_factory=list)
    syntax: str = ""
    prompt_tokens: int = 0
    prompt: str = ""

    def encode(self) -> str:
        return encode_token(
            index=self.index,
            text=self.text,
            tokens=self.tokens,
            finish_reason=self.finish_reason,
            logprobs=self.logprobs,
            syntax=self.syntax,
            prompt_tokens=self.prompt_tokens,
            prompt=self.prompt,
        )


@dataclass(slots=True)
class Unwritten:
    """The pieces of one job, by choice, and since when they wait."""

    since: float
    pieces: dict[int, Piece] = field(default_factory=dict)

    def piece(self, index: int) -> Piece:
        """That of a choice; an empty one if it has made nothing yet."""
        return self.pieces.setdefault(index, Piece(index))

    @property
    def has_ends(self) -> bool:
        return any(piece.finish_reason is not None for piece in self.pieces.values())

    @property
    def num_tokens(self) -> int:
        return sum(len(piece.tokens) for piece in self.pieces.values())


def due_at(held: Held, unwritten: Unwritten) -> float:
    """When a job's pieces are to be written, on the clock of `Unwritten.since`.

    A job whose last write reached nobody can wait, unless one of its sequences has ended.
    """
    if held.unread_since is None or unwritten.has_ends or unwritten.num_tokens >= KEPT_TOKENS:
        return unwritten.since
    if not held.job.yields and unwritten.since < held.unread_since + UNREAD_SECONDS:
        return unwritten.since
    return unwritten.since + KEPT_SECONDS


def next_due(unwritten: Iterable[tuple[Held, Unwritten]]) -> float | None:
    """When the first of many is to be written; None if there is none."""
    return min((due_at(held, each) for held, each in unwritten), default=None)
