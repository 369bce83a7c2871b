"""Which tokens are told of beside a text: those that have a part of it. Pure."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from tasks.records.logprobs import TokenLogprobs, WrittenToken

T = TypeVar("T", bound=TokenLogprobs | WrittenToken)


class Offsets:
    """Where each token of a text begins, in characters. One that begins within a character shares its offset."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.end = 0
        """How many characters are complete."""

    def of(self, piece: bytes) -> int:
        """The offset of the next token, which has these bytes."""
        begins = self.end
        self.end += len(self._decoder.decode(piece))
        return begins


class ShownTokens(Generic[T]):
    """Tells the tokens of a generated text when their text is shown.

    Tokens of text that is held back wait for it. Those of text that was cut, as that of a stop string is, are never
    told; OpenAI and llama-server do not tell them either.
    """

    def __init__(self) -> None:
        self._offsets = Offsets()
        self._shown = 0
        self._waiting: deque[tuple[int, T]] = deque()

    def feed(self, text: str, tokens: Iterable[T]) -> list[T]:
        """The tokens that may be told after more tokens, and more text that is shown."""
        self._shown += len(text)
        self._waiting += [(self._offsets.of(token.piece), token) for token in tokens]
        shown = []
        while self._waiting and self._waiting[0][0] < self._shown:
            shown.append(self._waiting.popleft()[1])
        return shown

    def finish(self) -> list[T]:
        """What waited and has no text, as a token that ends an answer; nothing, if the text was cut."""
        rest = [token for _, token in self._waiting]
        self._waiting.clear()
        return [] if self._offsets.end > self._shown else rest


def of_shown(text: str, tokens: Sequence[T], *, num_prompt: int = 0) -> tuple[T, ...]:
    """Those of a prompt, which are the first `num_prompt`, and of the tokens after it those that stand in the text."""
    shown: ShownTokens[T] = ShownTokens()
    return (*tokens[:num_prompt], *shown.feed(text, tokens[num_prompt:]), *shown.finish())
