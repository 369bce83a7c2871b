"""How likely a token was, and what else was: as it stands in events and results."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tasks.records import json_parts


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

    def written(self) -> WrittenToken:
        return WrittenToken(self.piece, json_parts.written(self.encode()))

    @classmethod
    def decode(cls, values: list[Any]) -> Self:
        token, piece, logprob, top, *ids = values
        likeliest = tuple((p.encode("latin-1"), value) for p, value in top)
        return cls(token, piece.encode("latin-1"), logprob, likeliest, tuple(ids[0]) if ids else ())


@dataclass(frozen=True, slots=True)
class WrittenToken:
    """A token's bytes, and all that is told of it as JSON.

    A worker keeps this until the job ends: it takes a fifth of the objects' memory, and goes into the result as it is.
    """

    piece: bytes
    json: str


class StoredLogprobs(Collection[TokenLogprobs]):
    """Those of one choice, as a result has them: made one by one as they are gone through, since there may be many."""

    def __contains__(self, one: object) -> bool:
        return any(one == other for other in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredLogprobs | tuple) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


class EncodedLogprobs(StoredLogprobs):
    """From what `TokenLogprobs.encode` gave."""

    def __init__(self, encoded: list[list[Any]]) -> None:
        self._encoded = encoded

    def __len__(self) -> int:
        return len(self._encoded)

    def __iter__(self) -> Iterator[TokenLogprobs]:
        return map(TokenLogprobs.decode, self._encoded)


class WrittenLogprobs(StoredLogprobs):
    """From tokens that are written already."""

    def __init__(self, tokens: Sequence[WrittenToken]) -> None:
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self) -> Iterator[TokenLogprobs]:
        return (TokenLogprobs.decode(json.loads(token.json)) for token in self._tokens)

    def written(self) -> Sequence[WrittenToken]:
        return self._tokens


def in_json(logprobs: Iterable[TokenLogprobs]) -> str:
    """As a JSON array, to which tokens that are written already go as they are."""
    tokens = logprobs.written() if isinstance(logprobs, WrittenLogprobs) else (one.written() for one in logprobs)
    return json_parts.array(token.json for token in tokens)
