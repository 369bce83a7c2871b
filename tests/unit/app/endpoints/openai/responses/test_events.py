"""The stream of a response, as a fold over its job's events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast
from unittest.mock import patch

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from app.endpoints.openai.responses import routes
from app.endpoints.openai.responses.events import ResponseEvents
from app.endpoints.openai.responses.response import response
from tasks.records.event import Event
from tasks.records.job import Job, JobStatus
from tests.support.responses import HERMES, WEATHER, outcome, response_job, status, tokens

TEXTS = [
    "Hi.",
    "",
    "<think>Hm, hm.</think>The answer is 19.",
    'I look.<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>',
    '<think>Hm.</think>I look.<tool_call>\n{"name": "get_weather", "arguments": {"city": "Pa',
    "<tool_call>\n{\"name\": \"other\", \"arguments\": {}}\n</tool_call> is no call of mine.",
]  # fmt: skip
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def stream(job: Job, events: Iterable[Event], end: Job | None = None) -> list[dict[str, Any]]:
    told = ResponseEvents(job)
    made = told.begin()
    for event in events:
        made += told.of(event)
    made.append(told.end(end or replace(job, status=JobStatus.SUCCEEDED, outcome=outcome("x"))))
    return cast("list[dict[str, Any]]", made)


def types(made: Iterable[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in made]


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text and the pieces that it comes in."""
    text = draw(st.sampled_from(TEXTS))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return text, [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def troubled_streams(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """A job's tokens alone, and with all that may befall a job between them."""
    _, pieces = draw(cut_texts())
    made = tokens(pieces, syntax=HERMES)
    again = st.lists(st.sampled_from([status(JobStatus.QUEUED), status(JobStatus.RUNNING)]), max_size=3)
    between = [event for token in made for event in [token, *draw(again)]]
    return made, [status(JobStatus.QUEUED), status(JobStatus.RUNNING), *between]


MESSAGE = [
    "output_item.added",
    "content_part.added",
    "output_text.delta",
    "output_text.done",
    "content_part.done",
    "output_item.done",
]


def test_a_message_begins_grows_and_ends() -> None:
    made = stream(response_job(), [status(JobStatus.QUEUED), status(JobStatus.RUNNING), *tokens(["Hi."])])
    assert types(made) == ["created", "in_progress", *MESSAGE, "completed"]
    assert [event["sequence_number"] for event in made] == list(range(len(made)))
    assert [event["response"]["status"] for event in made if "response" in event] == [
        "in_progress",
        "in_progress",
        "completed",
    ]
    assert {event["item_id"] for event in made if "item_id" in event} == {"msg_j1_0"}


def test_a_call_is_told_with_its_arguments_as_they_come() -> None:
    job = response_job(tools=[WEATHER])
    text = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
    made = stream(job, tokens([text[:60], text[60:]], syntax=HERMES))
    assert types(made)[2:-1] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    added, done = made[2]["item"], made[-2]["item"]
    assert (added["name"], added["arguments"], added["status"]) == ("get_weather", "", "in_progress")
    assert done == {**added, "arguments": '{"city": "Paris"}', "status": "completed"}


def test_reasoning_is_an_item_before_the_message() -> None:
    made = stream(response_job(), tokens(["<think>Hm.</think>Hi."], syntax=HERMES))
    assert types(made)[2:8] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
    ]
    assert types(made)[8:-1] == MESSAGE
    assert [event["output_index"] for event in made[2:-1]] == [0] * 6 + [1] * 6


def test_a_background_response_tells_that_it_waits_and_once_that_it_runs() -> None:
    job = response_job(background=True)
    queued, running = status(JobStatus.QUEUED), status(JobStatus.RUNNING)
    first, *rest = tokens(["H", "i", "."])
    made = stream(job, [queued, running, queued, running, first, queued, running, *rest])
    assert types(made)[:3] == ["created", "queued", "in_progress"]
    assert types(made).count("in_progress") == 1


@given(troubled_streams(), st.booleans())
def test_what_befell_a_job_numbers_nothing(told: tuple[list[Event], list[Event]], background: bool) -> None:
    plain, troubled = told
    job = response_job(tools=[WEATHER], background=background)
    assert stream(job, troubled) == stream(job, plain)


@given(cut_texts(), st.integers(-1, 60))
def test_what_comes_after_a_number_is_exactly_the_rest(cut: tuple[str, list[str]], after: int) -> None:
    job = response_job(tools=[WEATHER])
    ended = replace(job, status=JobStatus.SUCCEEDED, outcome=outcome(cut[0], syntax=HERMES))
    log = [status(JobStatus.QUEUED), *tokens(cut[1], syntax=HERMES), status(JobStatus.SUCCEEDED)]
    with patch.object(routes, "reload", lambda to, job: replace(ended, fence=1)):
        whole, rest = (list(routes._frames(None, job, log, after=start)) for start in (-1, after))  # type: ignore[arg-type]
    assert [frame.split("\n")[0] for frame in whole[:2]] == ["event: response.created", "event: response.in_progress"]
    assert rest == whole[after + 1 :]


@pytest.mark.parametrize(
    ("ended", "last"),
    [
        (replace(response_job(), status=JobStatus.SUCCEEDED, outcome=outcome("Hi", "length")), "incomplete"),
        (replace(response_job(), status=JobStatus.FAILED, error={"message": "No.", "type": "server_error"}), "failed"),
        (replace(response_job(), status=JobStatus.EXPIRED), "failed"),
    ],
)
def test_the_last_event_has_the_response_as_it_ended(ended: Job, last: str) -> None:
    made = stream(response_job(), tokens(["Hi"], "length"), ended)
    assert types(made)[-1] == last
    assert made[-1]["response"] == response(ended)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (replace(response_job(), status=JobStatus.CANCELLED), "job_cancelled"),
        (replace(response_job(), status=JobStatus.SUCCEEDED), "job_not_found"),
        (response_job(), "job_not_found"),
    ],
)
def test_a_response_that_was_cancelled_or_deleted_ends_with_an_error(ended: Job, code: str) -> None:
    made = stream(response_job(), tokens(["Hi"], "length")[:0], ended)
    assert (made[-1]["type"], made[-1]["code"], made[-1]["sequence_number"]) == ("error", code, len(made) - 1)


@given(cut_texts(), st.sampled_from(["stop", "length"]))
def test_however_a_text_is_cut_the_items_are_those_of_the_response(cut: tuple[str, list[str]], reason: str) -> None:
    text, pieces = cut
    job = response_job(tools=[WEATHER])
    ended = replace(job, status=JobStatus.SUCCEEDED, outcome=outcome(text, reason, syntax=HERMES))
    made = stream(job, tokens(pieces, reason, syntax=HERMES), ended)
    assert [event["item"] for event in made if event["type"] == "response.output_item.done"] == response(ended)[
        "output"
    ]
    assert made[-1]["response"] == response(ended)


@given(cut_texts())
def test_deltas_add_up_to_what_their_ends_tell(cut: tuple[str, list[str]]) -> None:
    made = stream(response_job(tools=[WEATHER]), tokens(cut[1], syntax=HERMES))
    grown: dict[str, str] = {}
    for event in made:
        if event["type"].endswith(".delta"):
            assert event["delta"]
            grown[event["item_id"]] = grown.get(event["item_id"], "") + event["delta"]
        elif event["type"].endswith(("text.done", "arguments.done")):
            assert grown.get(event["item_id"], "") == event.get("text", event.get("arguments"))


@given(cut_texts(), st.booleans())
def test_the_openai_package_follows_every_stream(cut: tuple[str, list[str]], background: bool) -> None:
    text, pieces = cut
    job = response_job(tools=[WEATHER], background=background)
    ended = replace(job, status=JobStatus.SUCCEEDED, outcome=outcome(text, syntax=HERMES))
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=[], text_format=openai.omit)
    for event in stream(job, tokens(pieces, syntax=HERMES), ended):
        state.handle_event(EVENT.validate_python(event))
    assert state._completed_response is not None
    assert state._completed_response.id == "resp_j1"
