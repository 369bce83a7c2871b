"""llama.cpp's sampler chain for one sequence."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import llama_cpp
import numpy as np

from tasks.engine.backend import Logprobs
from tasks.engine.llama.library import chain_add, chain_n, chain_remove, init_dist, sampler_accept, sampler_free
from tasks.engine.llama.logits import Logits
from tasks.records.sampling import SamplingParams, draw_seed

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.cpp's `llama_token_data`."""
_NEGLIGIBLE = 1e-9
"""Share of the likeliest token's probability. Typical sampling takes the logarithm of every candidate's probability,
and XTC may keep the least likely one alone, so forbidden tokens must be gone before them."""
DRY_BREAKERS = (b"\n", b":", b'"', b"*")
"""llama.cpp's own: a repetition is not followed over them."""


def build(p: SamplingParams, *, vocab: Any, vocab_size: int, context: int) -> Any:
    """The links in llama.cpp's own order; each is skipped by llama.cpp where its value means nothing."""
    links = []
    if p.penalised:
        last = _reach(p.repeat_last_n, context)
        strengths = (p.repeat_penalty, p.frequency_penalty, p.presence_penalty)
        links.append(llama_cpp.llama_sampler_init_penalties(vocab_size, last, *strengths))
    if p.dry_multiplier:
        links.append(_dry(p, vocab, context))
    if p.greedy:
        links.append(llama_cpp.llama_sampler_init_greedy())
    else:
        links += _narrowing(p)
        links += _drawing(p, 0, 0)
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for link in links:
        chain_add(chain, link)
    return chain


def draw(chain: Any, logits: Logits, count: int) -> Logprobs:
    """The token that a chain draws, and the logarithms of the probabilities that it drew by, likeliest first."""
    candidates = np.zeros(len(logits), dtype=_CANDIDATE)
    candidates["id"], candidates["logit"] = np.arange(len(logits)), logits
    pointer = candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data))
    left = llama_cpp.llama_token_data_array(data=pointer, size=len(logits), selected=-1, sorted=False)
    llama_cpp.llama_sampler_apply(chain, ctypes.byref(left))
    token = int(left.data[left.selected].id)
    sampler_accept(chain, token)
    kept = sorted(((each.p, each.id) for each in left.data[: left.size] if each.p > 0), reverse=True)
    by_id = {token_id: math.log(p) for p, token_id in kept}
    return Logprobs(token, by_id[token], tuple((token_id, by_id[token_id]) for _, token_id in kept[:count]))


def draw_with(chain: Any, p: SamplingParams, index: int, position: int) -> None:
    """Give what draws in a chain the seeds of this one draw, of choice `index` at `position`."""
    if not p.xtc_probability:
        sampler_free(chain_remove(chain, chain_n(chain) - 1))
        chain_add(chain, init_dist(draw_seed(p.seed, index, position)))
        return
    links = _drawing(p, draw_seed(p.seed, index, position), draw_seed(p.seed, -1 - index, position))
    for _ in links:
        sampler_free(chain_remove(chain, chain_n(chain) - 1))
    for link in links:
        chain_add(chain, link)


def _narrowing(p: SamplingParams) -> list[Any]:
    """What leaves only some of the tokens."""
    links = []
    if p.top_n_sigma > 0:
        links.append(llama_cpp.llama_sampler_init_top_n_sigma(p.top_n_sigma))
    links.append(llama_cpp.llama_sampler_init_top_k(p.top_k))
    if p.typical_p < 1 or p.xtc_probability:
        links.append(llama_cpp.llama_sampler_init_min_p(_NEGLIGIBLE, 1))
    return [
        *links,
        llama_cpp.llama_sampler_init_typical(p.typical_p, 1),
        llama_cpp.llama_sampler_init_top_p(p.top_p, 1),
        llama_cpp.llama_sampler_init_min_p(p.min_p, 1),
    ]


def _drawing(p: SamplingParams, seed: int, other_seed: int) -> list[Any]:
    """The temperature, and what draws: the last link, and XTC, which draws whether it leaves out the likeliest."""
    links = [llama_cpp.llama_sampler_init_temp(p.temperature), init_dist(seed)]
    if p.dynatemp_range:
        links[0] = llama_cpp.llama_sampler_init_temp_ext(p.temperature, p.dynatemp_range, p.dynatemp_exponent)
    if p.xtc_probability:
        links.insert(0, llama_cpp.llama_sampler_init_xtc(p.xtc_probability, p.xtc_threshold, 1, other_seed))
    return links


def _dry(p: SamplingParams, vocab: Any, context: int) -> Any:
    breakers = (ctypes.c_char_p * len(DRY_BREAKERS))(*DRY_BREAKERS)
    last = _reach(p.dry_penalty_last_n, context)
    return llama_cpp.llama_sampler_init_dry(
        vocab, p.dry_multiplier, p.dry_base, p.dry_allowed_length, last, breakers, len(breakers)
    )


def _reach(tokens: int, context: int) -> int:
    """How many tokens are looked back over: -1 means all, and there are no more than the context holds."""
    return context if tokens == -1 else min(tokens, context)
