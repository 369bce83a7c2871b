"""Grammars on the tokens of one vocabulary, by llguidance."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import llama_cpp
from llguidance import LLMatcher, LLTokenizer

from tasks.answers.trial import limits
from tasks.engine.llama import library
from tasks.engine.llama.logits import work_for
from tasks.engine.llama.masks import Compiled, Constraint, MaskThreads
from tasks.engine.llama.trials import Trials
from tasks.engine.step_clock import StepClock
from tasks.errors import InvalidRequest

MOST_COMPILED = 64
MOST_BYTES = 64 << 20
"""What the grammars that are kept may take together. A larger one is kept by the jobs that use it, and no longer."""


class Compiler:
    """Compiles grammars; the last ones are kept. Thread-safe.

    llguidance's view of the vocabulary takes a second for a large one, so it is made when the first grammar comes.

    Args:
        vocab: llama.cpp's vocabulary.
        vocab_size: its tokens.
        end_tokens: those that end an answer.
        processor: keeps a processor free for this while a grammar is compiled.
    """

    def __init__(
        self,
        vocab: Any,
        *,
        vocab_size: int,
        end_tokens: Sequence[int],
        processor: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._vocab, self._vocab_size, self._end_tokens = vocab, vocab_size, list(end_tokens)
        self._processor = processor
        self._threads = MaskThreads()
        self._work = work_for(vocab_size)
        self._view_lock, self._lock = threading.Lock(), threading.Lock()
        self._tokenizer: LLTokenizer | None = None
        self._trials: Trials | None = None
        self._known: WeakValueDictionary[str, Compiled] = WeakValueDictionary()
        self._recent: OrderedDict[str, Compiled] = OrderedDict()
        self._refused: OrderedDict[str, str] = OrderedDict()

    def compile(self, grammar: str) -> Compiled:
        """Make a grammar ready for `constraint`, for as long as what this gives is kept.

        It is compiled in another process first, which has limits of time and memory. Not for the engine's thread.
        Raises InvalidRequest if the model cannot follow it, or it is over the limits.
        """
        with self._lock:
            compiled = self._known.get(grammar)
            refused = self._refused.get(grammar)
        if compiled is None:
            error = refused or ""
            if not error:
                with self._processor():
                    compiled, error = self._compile(grammar)
            if compiled is None:
                raise InvalidRequest(f"The grammar cannot be followed: {error}.", param="grammar")
        self._keep(grammar, compiled)
        return compiled

    def constraint(self, grammar: str) -> Constraint:
        """A constraint at the beginning of a grammar that is ready."""
        with self._lock:
            compiled = self._known.get(grammar)
        return Constraint(compiled or self.compile(grammar), self._work)

    @property
    def clocks(self) -> Sequence[StepClock]:
        """Of the threads that compute masks."""
        return self._threads.clocks

    def close(self) -> None:
        """End the process for trials, and begin no mask."""
        self._threads.close()
        if self._trials is not None:
            self._trials.close()

    def _compile(self, grammar: str) -> tuple[Compiled | None, str]:
        """The grammar, or why it cannot be compiled. No lock is held meanwhile: nobody waits for another's."""
        tokenizer, trials = self._view()
        verdict = trials.run(grammar)
        error = verdict.error
        if not error:
            matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=limits())
            try:
                made = Compiled(
                    matcher,
                    num_bytes=verdict.num_bytes,
                    vocab_size=self._vocab_size,
                    threads=self._threads,
                    on_failed=partial(self._forget, grammar),
                )
            except ValueError as exc:
                error = str(exc)
            else:
                return made, ""
        with self._lock:
            self._refused[grammar] = error
            if len(self._refused) > MOST_COMPILED:
                self._refused.popitem(last=False)
        return None, error

    def _forget(self, grammar: str) -> None:
        with self._lock:
            self._known.pop(grammar, None)
            self._recent.pop(grammar, None)

    def _keep(self, grammar: str, compiled: Compiled) -> None:
        with self._lock:
            self._known[grammar] = self._recent[grammar] = compiled
            self._recent.move_to_end(grammar)
            used = sum(each.num_bytes for each in self._recent.values())
            while len(self._recent) > MOST_COMPILED or used > MOST_BYTES:
                used -= self._recent.popitem(last=False)[1].num_bytes

    def _view(self) -> tuple[LLTokenizer, Trials]:
        if not self._end_tokens:
            raise InvalidRequest("This model has no token that ends an answer, so no grammar can end.", param="grammar")
        with self._view_lock:
            if self._tokenizer is None or self._trials is None:
                tokens = [_token_bytes(self._vocab, token) for token in range(self._vocab_size)]
                self._trials = Trials(tokens, self._end_tokens)
                tokenize = ctypes.cast(llama_cpp.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value
                make: Any = LLTokenizer
                self._tokenizer = make.from_llamacpp(
                    tokens=tokens,
                    vocab_ptr=self._vocab,
                    tokenize_fptr=tokenize,
                    eos_token=self._end_tokens,
                    slices=None,
                )
            return self._tokenizer, self._trials


def _token_bytes(vocab: Any, token: int) -> bytes:
    """A token's bytes as llguidance wants them: those that are taken by their id alone begin with 0xff."""
    buffer = ctypes.create_string_buffer(256)
    size = library.token_to_piece(vocab, token, buffer, len(buffer), 0, True)
    if size < 0:
        buffer = ctypes.create_string_buffer(-size)
        size = library.token_to_piece(vocab, token, buffer, len(buffer), 0, True)
    piece = buffer.raw[:size]
    return b"\xff" + piece if is_special(vocab, token, piece.decode(errors="replace")) else piece


def is_special(vocab: Any, token: int, text: str) -> bool:
    """Whether llguidance takes a token by its id alone: a control token, or one of the model's own that looks like one.

    The rule stands in its `lltokenizer_from_vocab`, whose view of the vocabulary is the same as `Compiler`'s.
    """
    attributes = llama_cpp.llama_vocab_get_attr(vocab, token)
    if attributes & llama_cpp.LLAMA_TOKEN_ATTR_CONTROL:
        return True
    own = attributes & llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
    return bool(own) and text.startswith("<") and text.endswith(">")
