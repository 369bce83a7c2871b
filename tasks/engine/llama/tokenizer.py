"""From texts to tokens, as `llama_tokenize` makes them, in time that grows with the text and no faster."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

import llama_cpp

from tasks.answers.tools.formats import MARKERS
from tasks.engine.backend import BackendFailure
from tasks.engine.llama.long_texts import LongTexts
from tasks.engine.llama.quoting import Prompt, unquoted
from tasks.engine.llama.special_tokens import SpecialToken, SpecialTokens

SHORT: Final = 32
"""Characters of a text at most whose tokens are remembered while a prompt is tokenised: what stands between special
tokens is often the same."""
_PIPES: Final = re.compile(r"<[|\uff5c].*[|\uff5c]>")
_BRACKETS: Final = re.compile(r"<.+>|\[.+\]")
_CONTROL: Final = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
_SPECIAL: Final = _CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED


class Tokenizer:
    """The tokenizer of one vocabulary. Thread-safe.

    Args:
        vocab: llama.cpp's.
        template: the model's chat templates, which tell what of the vocabulary gives a prompt its form.
    """

    def __init__(self, vocab: Any, template: str = "") -> None:
        self._vocab = vocab
        self.special = list(_special_tokens(vocab))
        self._all = SpecialTokens(self.special)
        own = [token for token in self.special if not token.control]
        self._own = SpecialTokens(own)
        self.guarded = SpecialTokens(token for token in self.special if _gives_form(token, template))
        self._guarded_own = SpecialTokens(token for token in own if _gives_form(token, template))
        self._words = SpecialTokens(token for token in own if not _gives_form(token, template))
        sentencepiece = llama_cpp.llama_vocab_type(vocab) == llama_cpp.LLAMA_VOCAB_TYPE_SPM
        self._long = LongTexts(self._texts, self._ask) if sentencepiece else None
        self._begin, self._end = self._around()

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """The tokens of a text.

        Args:
            add_special: put before it and behind it what the model's file says.
            parse_special: read the texts of control tokens as these tokens.
        """
        text.encode()  # what is no text has no tokens
        tokens = _joined((self._all if parse_special else self._own).split(text), self._plain)
        return [*self._begin, *tokens, *self._end] if add_special else tokens

    def tokenize_prompt(self, prompt: Prompt) -> list[int]:
        """The tokens of a conversation's prompt. In what is quoted no token is found that gives a prompt its form.

        Those are the control tokens, and those of the vocabulary's own that the template writes or that are markers of
        calls and reasoning. Others of its own, like runs of blanks, are words.
        """
        if prompt.quoted == prompt:
            return self.tokenize(prompt, add_special=False, parse_special=True)
        return _joined(self._all.split(prompt.quoted), self._partly_quoted)

    def _partly_quoted(self, written: str) -> list[int]:
        return _joined(self._words.split(unquoted(written)), self._as_text)

    def _as_text(self, text: str) -> list[int]:
        """The tokens of a text in which whatever looks like a token that gives form is quoted."""
        tokens = self._cut(text, self._guarded_own)
        if self.guarded.ids.isdisjoint(tokens):
            return tokens
        return self._cut(text, self.guarded)  # SentencePiece may put a control token together from its letters

    def _cut(self, text: str, special: SpecialTokens) -> list[int]:
        """The tokens of a text that stands alone, with every one of these cut behind its first character."""
        places = [0, *(at + 1 for at in special.beginnings(text) if at + 1 < len(text)), len(text)]
        first, *others = (text[start:end] for start, end in pairwise(places))
        tokens = self._plain(first)
        for piece in others:
            tokens += self._long.go_on(piece) if self._long else self._ask(piece)
        return tokens

    def _plain(self, text: str) -> list[int]:
        """The tokens of a text that stands alone, in which there is no special one."""
        return self._long.tokenize(text) if self._long else self._ask(text)

    def _ask(self, text: str, *, add_special: bool = False) -> list[int]:
        data = text.encode()
        count = -len(data) - 3  # a token a byte, SentencePiece's space, and both ends; some vocabularies need more
        for _ in range(2):
            size = -count
            buffer = (ctypes.c_int32 * size)()
            count = llama_cpp.llama_tokenize(self._vocab, data, len(data), buffer, size, add_special, False)
            if count >= 0:
                return list(buffer[:count])
        raise BackendFailure(f"tokenizing {len(data)} bytes asked for {-count} tokens")

    def _around(self) -> tuple[list[int], list[int]]:
        """What the model's file puts before a text and behind it."""
        both, alone, within = self._ask("", add_special=True), self._ask("a"), self._ask("a", add_special=True)
        for length in range(len(both) + 1):
            begin, end = both[:length], both[length:]
            if within == [*begin, *alone, *end]:
                return begin, end
        raise BackendFailure("the tokenizer puts into a text what it does not put around none")

    def _texts(self) -> Iterator[str]:
        for token in range(llama_cpp.llama_vocab_n_tokens(self._vocab)):
            yield llama_cpp.llama_vocab_get_text(self._vocab, token).decode(errors="replace")


def _joined(parts: Iterator[str | int], tokenize: Callable[[str], list[int]]) -> list[int]:
    tokens: list[int] = []
    known: dict[str, list[int]] = {}
    for part in parts:
        if isinstance(part, int):
            tokens.append(part)
        elif len(part) > SHORT:
            tokens += tokenize(part)
        else:
            if part not in known:
                known[part] = tokenize(part)
            tokens += known[part]
    return tokens


def _gives_form(token: SpecialToken, template: str) -> bool:
    if token.control:
        return bool(token.text)
    written = token.text in template or token.text in MARKERS
    return _PIPES.fullmatch(token.text) is not None or (written and _BRACKETS.fullmatch(token.text) is not None)


def _special_tokens(vocab: Any) -> Iterator[SpecialToken]:
    for token in range(llama_cpp.llama_vocab_n_tokens(vocab)):
        attributes = llama_cpp.llama_vocab_get_attr(vocab, token)
        if attributes & _SPECIAL:
            yield SpecialToken(
                token,
                llama_cpp.llama_vocab_get_text(vocab, token).decode(errors="replace"),
                control=bool(attributes & _CONTROL),
                strips_left=bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_LSTRIP),
                strips_right=bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_RSTRIP),
            )
