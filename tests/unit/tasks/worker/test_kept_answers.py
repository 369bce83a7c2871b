"""What decides a worker's answers, and until when a prompt stays the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.engine.fake import FakeBackend
from tasks.engine.llama.chat_template import ChatTemplate
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Job, Operation
from tasks.worker.kept_answers import computes, same_until

NOON = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
SAID = "{{ messages[0].content }}"


class Templated(FakeBackend):
    """With a real template."""

    def __init__(self, source: str) -> None:
        super().__init__(num_slots=1, context=64, cache_tokens=64)
        self._template = ChatTemplate(source, bos="", eos="")
        self.tells_time = self._template.tells_time

    def render_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
        at: float = 0.0,
        begun: Mapping[str, Any] | None = None,
    ) -> str:
        return self._template.render(messages, tools=tools, variables=variables, at=at, begun=begun)


def chat(*, at: float = NOON, **fields: Any) -> Job:
    request = {"messages": [{"role": "user", "content": "Hi"}], "sampling": {}, **fields}
    return Job(id="j", model="m", operation=Operation.CHAT, request=request, created_at=at)


@pytest.mark.parametrize(
    ("source", "until"),
    [
        (SAID, math.inf),
        ("{{ date_string }}" + SAID, MIDNIGHT),
        ("{{ datetime }}" + SAID, MIDNIGHT),
        ("{{ strftime_now('%d %b %Y') }}" + SAID, MIDNIGHT),
        ("{{ strftime_now('%A') }}" + SAID, MIDNIGHT),
        ("{{ strftime_now('%H') }}" + SAID, NOON),
        ("{{ strftime_now('%M') }}" + SAID, NOON),
        ("{{ strftime_now('%p') }}" + SAID, NOON),
        ("{{ strftime_now('%Y-%m-%d %H:%M:%S') }}" + SAID, NOON),
    ],
)
def test_a_prompt_stays_the_same_as_long_as_what_it_tells_of_the_time(source: str, until: float) -> None:
    assert same_until(chat(), Templated(source)) == until


def test_the_last_second_of_a_day_is_still_that_day() -> None:
    assert same_until(chat(at=MIDNIGHT - 0.001), Templated("{{ date_string }}" + SAID)) == MIDNIGHT
    assert same_until(chat(at=MIDNIGHT), Templated("{{ date_string }}" + SAID)) == MIDNIGHT + 86400


def test_a_template_that_is_told_the_date_by_the_request_does_not_look_at_the_clock() -> None:
    source = "{% if not when %}{% set when = strftime_now('%H:%M') %}{% endif %}{{ when }}" + SAID
    assert same_until(chat(), Templated(source)) == NOON
    assert same_until(chat(template_variables={"when": "today"}), Templated(source)) == MIDNIGHT


def test_what_is_no_conversation_is_told_no_time() -> None:
    job = Job(id="j", model="m", operation=Operation.COMPLETION, request={"prompt": "Hi"}, created_at=NOON)
    assert same_until(job, Templated("{{ date_string }}")) == math.inf


def entry(**keys: Any) -> ModelEntry:
    return ModelEntry(**{"path": "fake", "answer_cache": "1h", **keys})


def test_files_and_keys_of_an_entry_decide_its_answers() -> None:
    assert computes(entry(), "d") == computes(entry(), "d") != ""
    assert len({computes(entry(), "d"), computes(entry(), "e"), computes(entry(context=128), "d")}) == 3
    assert computes(entry(chat_template="{{ 1 }}"), "d") != computes(entry(chat_template="{{ 2 }}"), "d")


def test_keys_that_change_no_answer_decide_none() -> None:
    for keys in ({"keep_alive": 5}, {"tags": ["x"]}, {"aliases": ["y"]}, {"answer_cache": 5}, {"priority": 3}):
        assert computes(entry(**keys), "d") == computes(entry(), "d"), keys


def test_where_no_answers_are_kept_there_is_nothing_to_tell() -> None:
    assert computes(entry(answer_cache=None), "d") == ""
