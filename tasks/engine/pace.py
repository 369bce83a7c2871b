"""How much of a prompt goes into one step, so that the streams beside it do not wait."""

from __future__ import annotations

STEP_SECONDS = 0.25
"""Longest step while many sequences decode beside one prompt."""
LEAST_TOKENS = 16
"""A prompt always gets on."""
WEIGHT = 0.2
"""How much the newest step counts in a running mean."""


class Pace:
    """Measures steps: seconds of one that only decodes, and seconds that each prompt token adds."""

    def __init__(self, batch_tokens: int) -> None:
        self._batch_tokens = batch_tokens
        self._decode_seconds = 0.0
        self._token_seconds = 0.0

    def prompt_tokens(self, num_decoding: int, num_starting: int = 0) -> int:
        """Prompt tokens that the next step may run. Without anybody decoding, as many as fit; before anything is
        known, few.

        The streams that wait for the step are weighed against the sequences that wait for their first token: where
        two decode and six start, the step may be four times as long. Those that start together then also decode and
        end together, which makes full batches.
        """
        if not num_decoding:
            return self._batch_tokens
        if not self._token_seconds:
            return LEAST_TOKENS
        step_seconds = STEP_SECONDS * (num_decoding + num_starting) / num_decoding
        room = (step_seconds - self._decode_seconds) / self._token_seconds
        return int(max(LEAST_TOKENS, min(self._batch_tokens, room)))

    def observe(self, *, num_decoding: int, num_prompt_tokens: int, seconds: float) -> None:
        """Take notice of a step."""
        if not num_prompt_tokens:
            self._decode_seconds = _mean(self._decode_seconds, seconds)
            return
        spent = seconds
        if num_decoding:
            self._decode_seconds = min(self._decode_seconds, seconds)  # it cannot be more, since prompts ran besides
            spent -= self._decode_seconds
        if num_prompt_tokens >= LEAST_TOKENS and spent > 0:
            self._token_seconds = _mean(self._token_seconds, spent / num_prompt_tokens)


def _mean(mean: float, value: float) -> float:
    return mean + WEIGHT * (value - mean) if mean else value
