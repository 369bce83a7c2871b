"""Choosing tokens: what is added to the logits in numpy, then one llama.cpp sampler chain a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import llama_cpp
import numpy as np

from tasks.engine.backend import Logprobs
from tasks.engine.llama.library import chain_add, chain_n, chain_remove, init_dist, sampler_accept, sampler_free
from tasks.engine.llama.logits import Logits
from tasks.sampling import SamplingParams, draw_seed

if TYPE_CHECKING:
    from tasks.engine.llama.backend import LlamaBackend

PENALTY_LAST_TOKENS = 64
_NEGLIGIBLE = 1e-9
"""Share of the likeliest token's probability. Typical sampling takes the logarithm of every candidate's probability,
so forbidden tokens must be gone before it."""


class LlamaSampler:
    """Fulfils `tasks.engine.backend.Sampler`. Greedy without penalties needs no chain: it is an argmax."""

    def __init__(self, backend: LlamaBackend, params: SamplingParams, index: int, prompt: Sequence[int]) -> None:
        self.logprobs: Logprobs | None = None
        self._backend, self._params, self._index = backend, params, index
        self._bias_tokens = np.array([token for token, _ in params.logit_bias], np.int64)
        self._bias_values = np.array([value for _, value in params.logit_bias], np.float32)
        self._constraint = backend.compiler.constraint(params.grammar) if params.grammar else None
        self._chain = None if params.greedy and not params.penalised else _chain(params, backend.vocab_size)
        for token in prompt[-PENALTY_LAST_TOKENS:] if params.penalised else ():
            sampler_accept(self._chain, token)

    def accept(self, token: int) -> None:
        if self._chain is not None:
            sampler_accept(self._chain, token)
        if self._constraint is not None:
            self._constraint.accept(token)

    def sample(self, row: int, position: int) -> int:
        logits, distribution = self._backend.logits(row), self._backend.distribution
        num_top = self._params.logprobs
        if num_top is not None:
            distribution.read(logits)
        self._shape(logits)
        token = self._choose(logits, row, position)
        if num_top is not None:
            self.logprobs = Logprobs(token, distribution.logprob(token), distribution.top(num_top))
        if self._constraint is not None and not self._backend.is_end(token):
            self._constraint.accept(token)
        return token

    def close(self) -> None:
        if self._chain is not None:
            sampler_free(self._chain)
            self._chain = None

    def _shape(self, logits: Logits) -> None:
        """Bias and forbid, in llama.cpp's own memory."""
        if self._params.ignore_eos:
            logits[self._backend.end_tokens] = -np.inf
        if len(self._bias_tokens):
            logits[self._bias_tokens] += self._bias_values
        if self._constraint is not None:
            self._constraint.restrict(logits)

    def _choose(self, logits: Logits, row: int, position: int) -> int:
        if self._chain is None:
            return int(logits.argmax())
        if not self._params.greedy:
            self._draw_with(draw_seed(self._params.seed, self._index, position))
        return self._backend.choose(self._chain, row)

    def _draw_with(self, seed: int) -> None:
        """Give the chain's last link, which draws, the seed of this one draw."""
        sampler_free(chain_remove(self._chain, chain_n(self._chain) - 1))
        chain_add(self._chain, init_dist(seed))


def _chain(p: SamplingParams, vocab_size: int) -> Any:
    """llama.cpp's chain in its own order; each link is skipped by llama.cpp where its value means nothing."""
    links = []
    if p.penalised:
        links.append(
            llama_cpp.llama_sampler_init_penalties(
                vocab_size, PENALTY_LAST_TOKENS, p.repeat_penalty, p.frequency_penalty, p.presence_penalty
            )
        )
    if p.greedy:
        links.append(llama_cpp.llama_sampler_init_greedy())
    else:
        links.append(llama_cpp.llama_sampler_init_top_k(p.top_k))
        if p.typical_p < 1:
            links.append(llama_cpp.llama_sampler_init_min_p(_NEGLIGIBLE, 1))
        links += [
            llama_cpp.llama_sampler_init_typical(p.typical_p, 1),
            llama_cpp.llama_sampler_init_top_p(p.top_p, 1),
            llama_cpp.llama_sampler_init_min_p(p.min_p, 1),
            llama_cpp.llama_sampler_init_temp(p.temperature),
            init_dist(0),
        ]
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for link in links:
        chain_add(chain, link)
    return chain
