"""From a job to its prompts: what the template is told, and what is said of a prompt that is too long."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tasks.engine.fake import FakeBackend
from tasks.errors import ContextLengthExceeded, from_wire
from tasks.records.job import Operation
from tasks.records.sampling import SamplingParams
from tasks.worker.held import Held
from tasks.worker.prepare import answer_tokens, prepare, render
from tests.support.job_records import MakeJob

CONTEXT = 64
AGENTS_WORDS = re.compile(r"maximum context length is (\d+) tokens.*resulted in (?:at least )?(\d+) tokens")
"""By which agents know that they should shorten the conversation: OpenAI's words."""


class Noting(FakeBackend):
    """Notes what the template is told."""

    def render_chat(self, messages: Any, **options: Any) -> str:
        self.told = options
        return super().render_chat(messages, **options)


def backend(longest_piece: int = 1) -> Noting:
    made = Noting(num_slots=1, context=CONTEXT, cache_tokens=256)
    made.longest_piece = longest_piece
    return made


def test_the_template_is_told_the_time_of_the_submission(make_job: MakeJob) -> None:
    job = make_job(created_at=1234.5, request={"messages": [{"role": "user", "content": "Hi"}]})
    asked = backend()
    render(job, asked)
    assert asked.told["at"] == 1234.5


@pytest.mark.parametrize(
    ("operation", "request_", "field"),
    [
        (Operation.CHAT, {"messages": [{"role": "user", "content": "x" * 90}]}, "messages"),
        (Operation.RESPONSE, {"messages": [{"role": "user", "content": "x" * 90}]}, "input"),
        (Operation.COMPLETION, {"prompt": "x" * 97}, "prompt"),
        (Operation.COMPLETION, {"prompt": [[7] * 97]}, "prompt"),
    ],
)
@pytest.mark.parametrize("longest_piece", [1, 2])
def test_a_prompt_that_is_too_long_is_told_in_openais_words_with_both_numbers(
    make_job: MakeJob, operation: Operation, request_: dict[str, Any], field: str, longest_piece: int
) -> None:
    job = make_job(operation=operation, request={**request_, "sampling": SamplingParams().encode()})
    with pytest.raises(ContextLengthExceeded) as refusal:
        prepare(Held(job), backend(longest_piece))
    assert (refusal.value.code, refusal.value.param) == ("context_length_exceeded", field)
    found = AGENTS_WORDS.search(refusal.value.message)
    assert found
    assert found.groups() == (str(CONTEXT), "97")
    told = from_wire(refusal.value.to_wire()).to_wire()
    assert (told["type"], told["n_prompt_tokens"], told["n_ctx"]) == ("exceed_context_size_error", 97, CONTEXT)
    assert "exceeds the available context size" in told["message"]


def test_a_text_that_no_context_could_hold_is_not_tokenised(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = backend(longest_piece=2)
    monkeypatch.setattr(loaded, "tokenize", lambda *_args, **_options: pytest.fail("it was tokenised"))
    request = {"content": "x" * 129, "add_special": False, "parse_special": True, "with_pieces": False}
    with pytest.raises(
        ContextLengthExceeded, match=r"length is 64 tokens\. .* resulted in at least 65 tokens"
    ) as caught:
        answer_tokens(request, loaded)
    assert caught.value.param == "content"
