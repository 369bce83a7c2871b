"""Grammars on the tokens of one vocabulary, by llguidance."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import llama_cpp
from llguidance import LLMatcher, LLTokenizer
from llguidance.llamacpp import lltokenizer_from_vocab

from tasks.engine.backend import SequenceFailed
from tasks.engine.llama.logits import Logits, Mask
from tasks.errors import InvalidRequest

MOST_COMPILED = 64


class Constraint:
    """Where one sequence is in its grammar."""

    def __init__(self, matcher: LLMatcher, mask: Mask) -> None:
        self._matcher, self._mask = matcher, mask

    def restrict(self, logits: Logits) -> None:
        """Forbid what the grammar does not allow next. Raises `SequenceFailed` if it grew beyond its limits."""
        self._matcher.unsafe_compute_mask_ptr(self._mask.address, self._mask.num_bytes)
        if self._matcher.is_error():
            raise SequenceFailed(f"The grammar cannot be followed any further: {_reason(self._matcher)}.")
        self._mask.apply(logits)

    def accept(self, token: int) -> None:
        """Go on by a token."""
        self._matcher.consume_token(token)


class Compiler:
    """Compiles grammars; the last ones are kept. Thread-safe.

    llguidance's view of the vocabulary takes a second for a large one, so it is made when the first grammar comes.
    """

    def __init__(self, vocab: Any, *, vocab_size: int, end_tokens: Sequence[int]) -> None:
        self._vocab, self._end_tokens = vocab, list(end_tokens)
        self._mask = Mask(vocab_size)
        self._tokenizer: LLTokenizer | None = None
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._lock = threading.Lock()

    def compile(self, grammar: str) -> None:
        """Make a grammar ready for `constraint`; raises InvalidRequest if the model cannot follow it."""
        self._matcher(grammar)

    def constraint(self, grammar: str) -> Constraint:
        """A constraint at the grammar's beginning."""
        return Constraint(self._matcher(grammar).deep_copy(), self._mask)

    def _matcher(self, grammar: str) -> LLMatcher:
        """Compiled without the lock: the engine's thread never waits for what the intake compiles."""
        with self._lock:
            matcher = self._compiled.get(grammar)
        if matcher is None:
            matcher = LLMatcher(self._view(), grammar, log_level=0)
            if matcher.is_error():
                raise InvalidRequest(f"The grammar cannot be followed: {_reason(matcher)}.", param="grammar")
        with self._lock:
            self._compiled[grammar] = matcher
            self._compiled.move_to_end(grammar)
            if len(self._compiled) > MOST_COMPILED:
                self._compiled.popitem(last=False)
        return matcher

    def _view(self) -> LLTokenizer:
        if not self._end_tokens:
            raise InvalidRequest("This model has no token that ends an answer, so no grammar can end.", param="grammar")
        if self._tokenizer is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # it calls llama.cpp by a name of yesterday
                self._tokenizer = lltokenizer_from_vocab(self._vocab, eos_token=self._end_tokens)
        return self._tokenizer


def is_special(vocab: Any, token: int, text: str) -> bool:
    """Whether llguidance takes a token by its id alone: a control token, or one of the model's own that looks like one.

    The rule stands in `lltokenizer_from_vocab`.
    """
    attributes = llama_cpp.llama_vocab_get_attr(vocab, token)
    if attributes & llama_cpp.LLAMA_TOKEN_ATTR_CONTROL:
        return True
    own = attributes & llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
    return bool(own) and text.startswith("<") and text.endswith(">")


def _reason(matcher: LLMatcher) -> str:
    """What it says, without the state that it appends."""
    return matcher.get_error().partition("\n")[0]
