"""How much one job may give."""

from __future__ import annotations

import pytest

from tasks.errors import InvalidRequest
from tasks.records.sampling import SamplingParams
from tasks.records.size import MOST_LOGPROBS, MOST_TOKENS, UNSAID_TOKENS, check_size, most_tokens

CONTEXT = 32_768


@pytest.mark.parametrize(
    ("params", "num_sequences"),
    [
        (SamplingParams(), 1),
        (SamplingParams(), 128),
        (SamplingParams(logprobs=20), 1),
        (SamplingParams(max_tokens=MOST_TOKENS * 2), 1),
        (SamplingParams(max_tokens=MOST_TOKENS // 128), 128),
        (SamplingParams(max_tokens=MOST_LOGPROBS // 6, logprobs=5), 1),
    ],
)
def test_what_clients_ask_for_is_let_through(params: SamplingParams, num_sequences: int) -> None:
    check_size(params, num_sequences=num_sequences, context=CONTEXT)


def test_choices_times_tokens_times_logprobs_are_bounded_and_the_error_names_them() -> None:
    params = SamplingParams(max_tokens=1000, logprobs=20)
    with pytest.raises(InvalidRequest, match=r"128 choices x 1000 tokens x 21 logprobs are 2688000, and 131072"):
        check_size(params, num_sequences=128, context=CONTEXT)


def test_choices_times_tokens_are_bounded() -> None:
    with pytest.raises(InvalidRequest, match=r"128 choices of 32768 tokens are 4194304 tokens"):
        check_size(SamplingParams(max_tokens=10**9), num_sequences=128, context=CONTEXT)


def test_an_answer_without_a_limit_counts_as_a_long_one_and_never_as_more_than_the_context() -> None:
    with pytest.raises(InvalidRequest, match=rf"2 choices x {UNSAID_TOKENS} tokens x 21"):
        check_size(SamplingParams(logprobs=20), num_sequences=2, context=CONTEXT)
    check_size(SamplingParams(logprobs=20), num_sequences=2, context=1024)


@pytest.mark.parametrize("logprobs", [None, 0, 5, 20])
@pytest.mark.parametrize("num_sequences", [1, 7, 128])
def test_whatever_was_said_a_worker_stays_within_the_bounds(logprobs: int | None, num_sequences: int) -> None:
    most = most_tokens(SamplingParams(logprobs=logprobs), num_sequences=num_sequences)
    assert num_sequences * most <= MOST_TOKENS
    assert logprobs is None or num_sequences * most * (1 + logprobs) <= MOST_LOGPROBS
