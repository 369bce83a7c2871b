"""How a sequence chooses its tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from tasks.records.version import known

MAX_SEED = 2**63 - 1
FORBIDDEN = -1e9
"""A bias after which no token comes, in JSON, which has no infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """Sampling of one job's sequences. Defaults are llama.cpp's.

    ``max_tokens`` None means: until the context is full; 0: only the prompt is read. ``temperature`` 0 is greedy.
    ``seed`` is fixed when a job is accepted, so that another worker draws the same numbers; ``seeded`` is whether
    somebody named it. The penalties look back
    over the last ``repeat_last_n`` tokens, DRY over ``dry_penalty_last_n``, the prompt's included, as llama-server's
    do; -1 means all. ``logit_bias`` holds pairs of a token's id and what is added to its logit; ``text_bias`` pairs of
    a text and what is added to those of its tokens. ``grammar`` is what `tasks.answers.constraint` made.

    ``logprobs`` is how many alternatives are told beside each token; with ``prompt_logprobs`` beside the prompt's
    tokens as well, with ``logprob_ids`` by their ids too. With ``logprobs_as_sampled`` they are as
    the chain left them to be drawn from.
    """

    max_tokens: int | None = None
    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    typical_p: float = 1.0
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_last_n: int = 64
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = -1
    top_n_sigma: float = -1.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    logit_bias: tuple[tuple[int, float], ...] = ()
    text_bias: tuple[tuple[str, float], ...] = ()
    grammar: str | None = None
    logprobs: int | None = None
    prompt_logprobs: bool = False
    logprob_ids: bool = False
    logprobs_as_sampled: bool = False
    ignore_eos: bool = False
    n: int = 1
    seeded: bool = False

    @property
    def greedy(self) -> bool:
        return self.temperature == 0

    @property
    def draws(self) -> bool:
        """Whether an answer depends on the seed: not where each token is the likeliest, or the only candidate."""
        return not self.greedy and self.top_k != 1

    @property
    def penalised(self) -> bool:
        return self.repeat_penalty != 1 or self.presence_penalty != 0 or self.frequency_penalty != 0

    @property
    def looks_back(self) -> bool:
        """Whether a choice depends on the tokens before it otherwise than by the model."""
        return self.penalised or self.dry_multiplier != 0

    @property
    def num_looked_back(self) -> int:
        """How many tokens back, -1 for all."""
        reaches = [self.repeat_last_n] if self.penalised else []
        reaches += [self.dry_penalty_last_n] if self.dry_multiplier else []
        return -1 if -1 in reaches else max(reaches, default=0)

    def encode(self) -> dict[str, Any]:
        """What is `_ALWAYS_WRITTEN`, and what differs from the defaults: a queued job is mostly its sampling."""
        pairs = {"logit_bias": list(map(list, self.logit_bias)), "text_bias": list(map(list, self.text_bias))}
        values = {name: getattr(self, name) for name in _DEFAULTS} | {"stop": list(self.stop)} | pairs
        return {name: value for name, value in values.items() if name in _ALWAYS_WRITTEN or value != _DEFAULTS[name]}

    @classmethod
    def decode(cls, values: Mapping[str, Any]) -> Self:
        """Read what `encode` wrote; what is not there has its default, and keys of a newer version are left out."""
        kept = known(cls, values)
        bias = tuple((int(token), float(value)) for token, value in kept.get("logit_bias", ()))
        texts = tuple((str(text), float(value)) for text, value in kept.get("text_bias", ()))
        return cls(**{**kept, "stop": tuple(kept.get("stop", ())), "logit_bias": bias, "text_bias": texts})


_ALWAYS_WRITTEN = frozenset({"max_tokens", "temperature", "top_p", "seed", "n"})
"""What answers are made from, also by releases that read it without a default."""

_DEFAULTS = {**asdict(SamplingParams()), "stop": [], "logit_bias": [], "text_bias": []}


def draw_seed(seed: int, index: int, position: int) -> int:
    """The 32-bit seed of one draw, from the job's seed, the choice's index and the token's position.

    A draw depends on nothing else, so a sequence can be continued anywhere without replaying the draws before it.
    """
    digest = hashlib.blake2b(f"{seed}:{index}:{position}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")
