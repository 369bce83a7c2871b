"""How likely a token was, and what else was: as it stands in events and results."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """A token that was chosen, as its id and its bytes, with the natural logarithm of its probability.

    ``logprob`` is None for the first token of a prompt, since nothing precedes it. ``top`` has the likeliest tokens'
    bytes and logarithms, likeliest first, ``ids`` their ids if they were asked for. Bytes, for a token may be a part of
    a character; they are written as Latin-1.
    """

    token: int
    piece: bytes
    logprob: float | None
    top: tuple[tuple[bytes, float], ...]
    ids: tuple[int, ...] = ()

    def encode(self) -> list[Any]:
        top = [[piece.decode("latin-1"), round(logprob, 6)] for piece, logprob in self.top]
        logprob = None if self.logprob is None else round(self.logprob, 6)
        return [self.token, self.piece.decode("latin-1"), logprob, top, *([list(self.ids)] if self.ids else [])]

    @classmethod
    def decode(cls, values: list[Any]) -> Self:
        token, piece, logprob, top, *ids = values
        likeliest = tuple((p.encode("latin-1"), value) for p, value in top)
        return cls(token, piece.encode("latin-1"), logprob, likeliest, tuple(ids[0]) if ids else ())


class EncodedLogprobs(Collection[TokenLogprobs]):
    """Those of one choice as they were written down, decoded one by one as they are gone through: there may be many."""

    def __init__(self, encoded: list[list[Any]]) -> None:
        self._encoded = encoded

    def __len__(self) -> int:
        return len(self._encoded)

    def __iter__(self) -> Iterator[TokenLogprobs]:
        return map(TokenLogprobs.decode, self._encoded)

    def __contains__(self, one: object) -> bool:
        return any(one == other for other in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EncodedLogprobs | tuple) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]
