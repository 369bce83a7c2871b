"""How much of a prompt goes into one step, so that the streams beside it do not wait."""

from __future__ import annotations

STEP_SECONDS = 0.25
"""Longest step while many sequences decode beside one prompt."""
LEAST_TOKENS = 16
"""A prompt always gets on."""
SLACK = 1.2
"""How much longer a step may take if only so a tile fits: without tiles a long prompt takes twice as long."""
UNTRIED = 4
"""How many times cheaper a token of a tile may be, until that is known."""
WEIGHT = 0.3
"""How much the newest step counts in a running mean."""


class Pace:
    """Measures steps: seconds of one that only decodes, and seconds that each prompt token adds.

    Args:
        batch_tokens: tokens of prompts in a step at most.
        tile_tokens: from so many on, hardware may run them in another way; each way has a mean of its own.
    """

    def __init__(self, batch_tokens: int, *, tile_tokens: int = 1) -> None:
        self._batch_tokens = batch_tokens
        self._tile_tokens = tile_tokens
        self._decode_seconds = 0.0
        self._few_seconds = self._many_seconds = 0.0

    def prompt_tokens(self, num_decoding: int, num_starting: int = 0) -> int:
        """Prompt tokens that the next step may run. Without anybody decoding, as many as fit; before anything is
        known, few.

        The streams that wait for the step are weighed against the sequences that wait for their first token: where
        two decode and six start, the step may be four times as long. Those that start together then also decode and
        end together, which makes full batches.
        """
        if not num_decoding:
            return self._batch_tokens
        step_seconds = STEP_SECONDS * (num_decoding + num_starting) / num_decoding
        return int(max(LEAST_TOKENS, min(self._batch_tokens, self._fitting(step_seconds - self._decode_seconds))))

    def _fitting(self, seconds: float) -> float:
        """Tokens of prompts that take so long. A tile is tried where it may fit, though it is not known to."""
        many = seconds / self._many_seconds if self._many_seconds else 0.0
        few = seconds / self._few_seconds if self._few_seconds else many / UNTRIED
        if self._tile_tokens <= 1 or many >= self._tile_tokens:
            return many
        if many * SLACK >= self._tile_tokens or few >= self._tile_tokens:
            return self._tile_tokens
        if not many and few * UNTRIED >= self._tile_tokens:
            return self._tile_tokens
        return few

    def observe(self, *, num_decoding: int, num_prompt_tokens: int, seconds: float) -> None:
        """Take notice of a step."""
        if not num_prompt_tokens:
            self._decode_seconds = _mean(self._decode_seconds, seconds)
            return
        spent = seconds
        if num_decoding:
            self._decode_seconds = min(self._decode_seconds, seconds)  # it cannot be more, since prompts ran besides
            spent -= self._decode_seconds
        if num_prompt_tokens < LEAST_TOKENS or spent <= 0:
            return
        if num_prompt_tokens >= self._tile_tokens:
            self._many_seconds = _mean(self._many_seconds, spent / num_prompt_tokens)
        else:
            self._few_seconds = _mean(self._few_seconds, spent / num_prompt_tokens)


def _mean(mean: float, value: float) -> float:
    return mean + WEIGHT * (value - mean) if mean else value
