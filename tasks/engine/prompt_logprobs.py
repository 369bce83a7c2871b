"""How likely the tokens of prompts were, for those who ask: read from the logits of each row of a batch."""

from __future__ import annotations

from tasks.engine.backend import Backend
from tasks.engine.plan import Plan

MOST_LOGITS = 1 << 24
"""Logits of one batch that are told of prompts: llama.cpp keeps them all until the next, in 64 MiB."""


def most_rows(vocab_size: int) -> int:
    """Tokens of prompts in one batch whose logits may be told: each takes a row of the vocabulary's size."""
    return max(1, MOST_LOGITS // vocab_size)


def note(plan: Plan, backend: Backend) -> None:
    """Read what a batch, which has just run, tells of its prompts. A row says how likely the token after it was."""
    for chunk in plan.chunks:
        sequence = chunk.sequence
        if sequence.prompt_logprobs is None:
            continue
        for number in range(chunk.count):
            position = sequence.num_computed + number
            if sequence.tells_logprobs(position):
                token, count = sequence.tokens[position + 1], sequence.params.logprobs or 0
                sequence.prompt_logprobs.append(backend.logprobs(chunk.first_row + number, token, count))
