"""Choosing tokens: what is added to the logits in numpy, then one llama.cpp sampler chain a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tasks.engine.backend import Logprobs
from tasks.engine.llama.chain import draw_with
from tasks.engine.llama.constraint import Compiler
from tasks.engine.llama.library import sampler_accept, sampler_free
from tasks.engine.llama.logits import Distribution, Logits
from tasks.records.sampling import SamplingParams


class Model(Protocol):
    """What a sampler asks of the model whose tokens it chooses: `LlamaBackend`."""

    @property
    def compiler(self) -> Compiler: ...
    @property
    def distribution(self) -> Distribution: ...
    @property
    def end_tokens(self) -> Sequence[int]: ...
    def is_end(self, token: int) -> bool: ...
    def logits(self, row: int) -> Logits: ...
    def chain(self, params: SamplingParams) -> Any: ...
    def choose(self, links: Any, row: int) -> int: ...
    def draw(self, links: Any, row: int, count: int) -> Logprobs: ...


class LlamaSampler:
    """Fulfils `tasks.engine.backend.Sampler`. Greedy without penalties needs no chain: it is an argmax."""

    def __init__(self, backend: Model, params: SamplingParams, index: int, prompt: Sequence[int]) -> None:
        self.logprobs: Logprobs | None = None
        self._backend, self._params, self._index = backend, params, index
        self._bias_tokens = np.array([token for token, _ in params.logit_bias], np.int64)
        self._bias_values = np.array([value for _, value in params.logit_bias], np.float32)
        self._constraint = backend.compiler.constraint(params.grammar) if params.grammar else None
        self._chain = None if params.greedy and not params.looks_back else backend.chain(params)
        for token in _last(prompt, params.num_looked_back) if params.looks_back else ():
            sampler_accept(self._chain, token)

    def accept(self, token: int) -> None:
        if self._chain is not None:
            sampler_accept(self._chain, token)
        if self._constraint is not None:
            self._constraint.accept(token)

    def ready(self, timeout_seconds: float) -> bool:
        return self._constraint is None or self._constraint.ready(timeout_seconds)

    def sample(self, row: int, position: int) -> int:
        logits, distribution = self._backend.logits(row), self._backend.distribution
        num_top = self._params.logprobs
        as_sampled = self._params.logprobs_as_sampled
        if num_top is not None and not as_sampled:
            distribution.read(logits)
        self._shape(logits)
        if num_top is not None and as_sampled:
            self.logprobs = self._draw(logits, row, position, num_top)
            token = self.logprobs.token
        else:
            token = self._choose(logits, row, position)
        if num_top is not None and not as_sampled:
            self.logprobs = Logprobs(token, distribution.logprob(token), distribution.top(num_top))
        if self._constraint is not None and not self._backend.is_end(token):
            self._constraint.accept(token)
            self._constraint.look_ahead()
        return token

    def close(self) -> None:
        if self._chain is not None:
            sampler_free(self._chain)
            self._chain = None
        if self._constraint is not None:
            self._constraint.close()

    def _shape(self, logits: Logits) -> None:
        """Bias and forbid, in llama.cpp's own memory."""
        if self._params.ignore_eos:
            logits[self._backend.end_tokens] = -np.inf
        if len(self._bias_tokens):
            logits[self._bias_tokens] += self._bias_values
        if self._constraint is not None:
            self._constraint.restrict(logits)

    def _draw(self, logits: Logits, row: int, position: int, count: int) -> Logprobs:
        """Choose, and tell how likely each token was that the chain left; a greedy choice has no other."""
        if self._params.greedy:
            token = self._choose(logits, row, position)
            return Logprobs(token, 0.0, ((token, 0.0),))
        draw_with(self._chain, self._params, self._index, position)
        return self._backend.draw(self._chain, row, count)

    def _choose(self, logits: Logits, row: int, position: int) -> int:
        if self._chain is None:
            return int(logits.argmax())
        if not self._params.greedy:
            draw_with(self._chain, self._params, self._index, position)
        return self._backend.choose(self._chain, row)


def _last(prompt: Sequence[int], count: int) -> Sequence[int]:
    """The prompt's last tokens; all of them if `count` is -1."""
    return prompt if count == -1 else prompt[max(0, len(prompt) - count) :]
