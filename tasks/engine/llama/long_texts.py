"""Cutting a long text of SentencePiece's so that its tokens stay the same.

llama.cpp gives a character that no token covers as bytes, and asks for exactly so much more memory each time
(`resegment` of llama-vocab.cpp, llama-cpp-python 0.3.36): what was given before is copied, and time grows with the
square of the text. So it is given pieces of bounded length. No merge crosses two characters that stand beside each
other in no token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Final

MOST_CHARACTERS: Final = 1024
"""Of a piece, if it can be cut then."""
_SPACE: Final = "\u2581"
_PRIVATE: Final = range(0xE000, 0xF900)

Tokenize = Callable[[str], list[int]]


class LongTexts:
    """The tokens of texts of any length, of one SentencePiece vocabulary.

    Args:
        texts: the texts of all tokens, read when they are first needed.
        tokenize: the tokens of a text in which there are no special ones. What begins a text may be given a space.
    """

    def __init__(self, texts: Callable[[], Iterable[str]], tokenize: Tokenize) -> None:
        self._texts, self._tokenize = texts, tokenize

    def tokenize(self, text: str) -> list[int]:
        """As a text is tokenised that stands alone."""
        first, *others = self._pieces(text)
        tokens = self._tokenize(first)
        for piece in others:
            tokens += self._go_on(piece)
        return tokens

    def go_on(self, text: str) -> list[int]:
        """As a text is tokenised that stands behind another, so that no space is put before it."""
        return [token for piece in self._pieces(text) for token in self._go_on(piece)]

    def _go_on(self, text: str) -> list[int]:
        before, lead = self._lead
        tokens = self._tokenize(before + text)
        return tokens[len(lead) :] if tokens[: len(lead)] == lead else self._tokenize(text)

    def _pieces(self, text: str) -> Iterator[str]:
        start = 0
        spaced = text.replace(" ", _SPACE) if len(text) > MOST_CHARACTERS else ""
        while len(text) - start > MOST_CHARACTERS:
            places = range(start + MOST_CHARACTERS, len(text))
            end = next((at for at in places if spaced[at - 1 : at + 1] not in self._neighbours), None)
            if end is None:
                break
            yield text[start:end]
            start = end
        yield text[start:]

    @cached_property
    def _neighbours(self) -> frozenset[str]:
        """Every two characters that stand beside each other in a token."""
        return frozenset(text[at : at + 2] for text in self._texts() for at in range(len(text) - 1))

    @cached_property
    def _lead(self) -> tuple[str, list[int]]:
        """A character of no token, and its own tokens: what follows it is merged with nothing."""
        used = {char for text in self._texts() for char in text}
        before = next((chr(code) for code in _PRIVATE if chr(code) not in used), "")
        return before, self._tokenize(before) if before else []
