"""What sequences made since it was last written, and when that is written: soon to readers, else together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.engine.progress import Progress
from tasks.records.event import encode_progress, encode_token
from tasks.records.logprobs import WrittenToken
from tasks.worker.held import Held

KEPT_SECONDS = 0.5
"""So long tokens are kept that nobody reads. A worker that dies takes them with it, and the next one computes them."""
KEPT_TOKENS = 64
READ_PER_SECOND = 2000
"""Pieces that are written in a second to all readers. Each costs Redis, the web front and the client about the same,
whether it has one token or five."""
LONGEST_READ_SECONDS = 0.05
"""What a reader waits for a next piece at most, however many read: a text that comes 20 times a second flows."""


@dataclass(slots=True)
class Piece:
    """What one sequence made since the last call."""

    index: int
    text: str = ""
    tokens: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    logprobs: list[WrittenToken] = field(default_factory=list)
    syntax: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    prompt: str = ""
    stop_string: str = ""
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0

    def encode(self) -> str:
        return encode_token(
            index=self.index,
            text=self.text,
            tokens=self.tokens,
            finish_reason=self.finish_reason,
            logprobs=self.logprobs,
            syntax=self.syntax,
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens,
            prompt=self.prompt,
            stop_string=self.stop_string,
            prefill_seconds=self.prefill_seconds,
            decode_seconds=self.decode_seconds,
        )


@dataclass(slots=True)
class Unwritten:
    """The pieces of one job, by choice, and since when they wait."""

    since: float
    pieces: dict[int, Piece] = field(default_factory=dict)
    progress: list[str] = field(default_factory=list)
    """What was told before of how far prompts are read, as it is written."""

    @property
    def events(self) -> list[str]:
        """All of it, as it is written."""
        return [*self.progress, *(piece.encode() for piece in self.pieces.values())]

    def piece(self, index: int) -> Piece:
        """That of a choice; an empty one if it has made nothing yet."""
        return self.pieces.setdefault(index, Piece(index))

    def tell_progress(self, index: int, told: Progress) -> None:
        """Note how far the prompt of a choice has been read."""
        self.progress.append(
            encode_progress(
                index=index,
                prompt_tokens=told.total,
                cached_tokens=told.cached,
                processed_tokens=told.processed,
                seconds=told.seconds,
            )
        )

    @property
    def has_ends(self) -> bool:
        return any(piece.finish_reason is not None for piece in self.pieces.values())

    @property
    def num_tokens(self) -> int:
        return sum(len(piece.tokens) for piece in self.pieces.values())


def due(unwritten: Mapping[Held, Unwritten]) -> dict[Held, float]:
    """When each job's pieces are to be written, on the clock of `Unwritten.since`.

    A first piece and the end of a sequence do not wait. Other pieces of a job that is read wait until the last one is
    as long ago as leaves room for those of all the others; those of a job whose last write reached nobody, longer.
    """
    num_read = sum(not held.is_unread for held in unwritten)
    pause = min(LONGEST_READ_SECONDS, num_read / READ_PER_SECOND)
    return {held: _due_at(held, each, pause=pause) for held, each in unwritten.items()}


def _due_at(held: Held, unwritten: Unwritten, *, pause: float) -> float:
    if unwritten.has_ends:
        return unwritten.since
    if not held.is_unread:
        return max(unwritten.since, held.written_at + pause)
    return unwritten.since + (KEPT_SECONDS if unwritten.num_tokens < KEPT_TOKENS else 0)
