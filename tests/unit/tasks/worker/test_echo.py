"""A prompt as it is told before its answer."""

from __future__ import annotations

import pytest

from tasks.engine.fake import FakeBackend
from tasks.errors import InvalidRequest
from tasks.records.sampling import SamplingParams
from tasks.records.size import MOST_LOGPROBS
from tasks.worker.echo import check_size, echo

BEGIN = 0


class Spelling(FakeBackend):
    """Has a token that begins a text, and one for a space and a word."""

    def piece(self, token: int) -> bytes:
        return {BEGIN: b"<s>", 1: b" Hello"}.get(token) or super().piece(token)


@pytest.fixture
def vocabulary() -> Spelling:
    return Spelling(num_slots=1, context=64, cache_tokens=64)


def test_the_pieces_of_a_text_are_those_of_the_text_alone(vocabulary: Spelling) -> None:
    told = echo("Hello you", [BEGIN, 1, *b" you"], vocabulary)
    assert told.pieces == [b"", b"Hello", b" ", b"y", b"o", b"u"]
    assert told.text == "", "the front has it"


def test_token_ids_are_told_as_their_text_the_first_one_included(vocabulary: Spelling) -> None:
    told = echo([BEGIN, 1], [BEGIN, 1], vocabulary)
    assert (told.pieces, told.text) == ([b"<s>", b" Hello"], "<s> Hello")


def test_a_job_that_would_be_told_too_much_is_refused() -> None:
    told = SamplingParams(logprobs=3, prompt_logprobs=True, n=2)
    most = MOST_LOGPROBS // 8
    check_size([[1] * (most - 9), [1] * 9], told)
    check_size([[1] * most * 9], SamplingParams(logprobs=3))
    with pytest.raises(InvalidRequest, match="logarithms") as caught:
        check_size([[1] * most, [1]], told)
    assert caught.value.param == "logprobs"
