"""How much one job may give: its result stands in Redis, and in one answer of one web process.

The bound on logprobs is 3 MB of a record and 10 MB of an answer, which takes a web process under a second.
"""

from __future__ import annotations

from typing import Final

from tasks.errors import InvalidRequest
from tasks.records.sampling import SamplingParams

MOST_TOKENS: Final = 1 << 20
"""Tokens of all of a job's choices."""
MOST_LOGPROBS: Final = 1 << 17
"""Logarithms told beside them; the prompt's have a bound of the same size."""
MOST_NUMBERS: Final = 1 << 21
"""Of a job's vectors: 2048 texts with vectors of 1024 numbers, or the vectors of as many tokens."""
UNSAID_TOKENS: Final = 4096
"""What an answer without a limit counts as."""


def most_tokens(params: SamplingParams, *, num_sequences: int) -> int:
    """How many tokens each of a job's sequences may have, whatever its request says: at least one."""
    by_logprobs = (
        MOST_LOGPROBS // (num_sequences * _logprobs_a_token(params)) if params.logprobs is not None else MOST_TOKENS
    )
    return max(1, min(MOST_TOKENS // num_sequences, by_logprobs))


def check_size(params: SamplingParams, *, num_sequences: int, context: int) -> None:
    """Raise InvalidRequest for a request whose result would be too large for a model with such a context."""
    limit = UNSAID_TOKENS if params.max_tokens is None else params.max_tokens
    limit = min(limit, context)
    if limit <= most_tokens(params, num_sequences=num_sequences):
        return
    tokens = num_sequences * limit
    if tokens > MOST_TOKENS:
        raise InvalidRequest(
            f"{num_sequences} choices of {limit} tokens are {tokens} tokens, and {MOST_TOKENS} is the most. "
            "Send a smaller n or max_tokens.",
            param="n",
        )
    beside = _logprobs_a_token(params)
    raise InvalidRequest(
        f"{num_sequences} choices x {limit} tokens x {beside} logprobs are {tokens * beside}, "
        f"and {MOST_LOGPROBS} is the most. Send a smaller n, max_tokens or top_logprobs.",
        param="logprobs",
    )


def _logprobs_a_token(params: SamplingParams) -> int:
    """The logarithms told of each token: its own, and those of its alternatives."""
    return 1 + (params.logprobs or 0)
