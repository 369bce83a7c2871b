"""Tools that take a text: what the model is told, and how the text is read out of its call."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from app.endpoints.openai.responses.custom_tools import InputReader, arguments_of, input_of
from app.endpoints.openai.responses.response import conversation, input_items, response
from tasks.records.job import Job, JobStatus
from tests.support.responses import HERMES, outcome, response_job, tokens
from tests.unit.app.endpoints.openai.responses.test_body import messages, refusal, request
from tests.unit.app.endpoints.openai.responses.test_events import stream, types

EVENTS: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
LARK = {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch" LF'}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": LARK}
TEXT = '*** Begin Patch\n+print("caf\u00e9 \N{GRINNING FACE}\\n")\n*** End Patch'
WRITTEN = f'<tool_call>\n{{"name": "apply_patch", "arguments": {json.dumps({"input": TEXT})}}}\n</tool_call>'
CALL = {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": TEXT}
GIVEN = {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done!"}


def ended(text: str, finish_reason: str = "stop", **fields: Any) -> Job:
    made = outcome(text, finish_reason, syntax=HERMES)
    return replace(response_job(**fields), status=JobStatus.SUCCEEDED, outcome=made)


def test_the_model_knows_a_function_of_one_text_and_reads_the_grammar() -> None:
    (told,) = request(tools=[PATCH])["tools"]
    assert told["name"] == "apply_patch"
    assert told["parameters"]["properties"] == {"input": {"type": "string"}}
    assert told["description"].startswith("Edits files.\n")
    assert told["description"].endswith(LARK["definition"])


def test_a_regular_expression_is_a_pattern_and_one_that_cannot_be_followed_is_left_to_the_model() -> None:
    for pattern in ("[0-9]+", "(?!x)[0-9]+"):
        tool = {**PATCH, "format": {"type": "grammar", "syntax": "regex", "definition": pattern}}
        (told,) = request(tools=[tool])["tools"]
        assert told["parameters"]["properties"]["input"]["pattern"] == f"^(?:{pattern})$"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "custom"}]}, "tools.0.name"),
        ({"tools": [{**PATCH, "colour": "red"}]}, "tools.0.colour"),
        ({"tools": [{**PATCH, "format": {"type": "grammar", "syntax": "lark"}}]}, "tools"),
        ({"tools": [{**PATCH, "format": {"type": "grammar", "syntax": "abnf"}}]}, "tools.0.format.syntax"),
        ({"tools": [PATCH, PATCH]}, "tools"),
        ({"tools": [PATCH], "tool_choice": {"type": "custom", "name": "other"}}, "tool_choice"),
        ({"input": [{"type": "custom_tool_call", "call_id": "c1", "name": "x"}]}, "input.0.input"),
        ({"input": [{**CALL, "arguments": "{}"}]}, "input.0.arguments"),
        ({"input": [GIVEN]}, "input"),
    ],
)
def test_a_tool_or_item_that_makes_no_sense_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    assert refusal(**fields).param == param


def test_a_choice_of_one_is_told_again_as_it_was_made() -> None:
    choice = {"type": "custom", "name": "apply_patch"}
    made = request(tools=[PATCH], tool_choice=choice)
    assert (made["tool_choice"], made["response"]["tool_choice"]) == ({"name": "apply_patch"}, choice)
    assert made["response"]["tools"] == [PATCH]


def test_calls_and_their_results_come_back_as_the_model_wrote_them() -> None:
    asked = {"role": "user", "content": "Fix it."}
    function = {"name": "apply_patch", "arguments": arguments_of(TEXT)}
    called = {"id": "c1", "type": "function", "function": function}
    assert messages(asked, {**CALL, "id": "ctc_1", "status": "completed"}, GIVEN)[1:] == [
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "Done!", "tool_call_id": "c1"},
    ]
    assert json.loads(function["arguments"]) == {"input": TEXT}


def test_a_call_is_an_item_with_the_text_itself() -> None:
    for tools, names in (
        ([PATCH], ("apply_patch", None)),
        ([{"type": "namespace", "name": "files", "description": "", "tools": [PATCH]}], ("apply_patch", "files")),
    ):
        told = WRITTEN if names[1] is None else WRITTEN.replace('"apply_patch"', '"files.apply_patch"')
        job = ended(told, tools=tools)
        (call,) = response(job)["output"]
        assert call["type"] == "custom_tool_call"
        assert (call["name"], call.get("namespace"), call["input"], call["status"]) == (*names, TEXT, "completed")
        assert call["id"].startswith("ctc_")


def test_a_conversation_goes_on_from_a_call_and_tells_it_as_items() -> None:
    job = ended(WRITTEN, tools=[PATCH])
    said = conversation(job)[-1]
    assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"input": TEXT}
    asked = request(input=[{"role": "user", "content": "Fix it."}, CALL, GIVEN], tools=[PATCH])
    items = input_items(replace(job, request={**job.request, "messages": asked["messages"]}))
    assert [item["type"] for item in items] == ["message", "custom_tool_call", "custom_tool_call_output"]
    assert (items[1]["input"], items[2]["output"]) == (TEXT, "Done!")  # type: ignore[typeddict-item]


@given(st.lists(st.integers(0, len(WRITTEN)), max_size=8))
def test_a_stream_tells_the_text_in_pieces_and_whole(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(WRITTEN)]
    pieces = [WRITTEN[a:b] for a, b in itertools.pairwise(bounds)]
    made = stream(response_job(tools=[PATCH]), tokens(pieces, syntax=HERMES))
    told = [event for event in made if "custom_tool_call_input" in event["type"]]
    assert "".join(event["delta"] for event in told[:-1]) == told[-1]["input"] == TEXT
    names = [name for name in types(made) if name != "custom_tool_call_input.delta"]
    assert names[2:5] == ["output_item.added", "custom_tool_call_input.done", "output_item.done"]
    for event in made[:-1]:
        EVENTS.validate_python(event)


def test_a_call_that_is_cut_has_the_text_so_far_and_is_incomplete() -> None:
    (call,) = response(ended(WRITTEN[:80], "length", tools=[PATCH]))["output"]
    assert call["type"] == "custom_tool_call"
    assert (call["status"], TEXT.startswith(call["input"])) == ("incomplete", True)


@given(st.text(), st.booleans(), st.lists(st.integers(0, 60), max_size=6))
def test_any_text_is_read_however_it_is_escaped_and_cut(text: str, ascii_only: bool, cuts: list[int]) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only, indent=1 if cuts else None)
    reader, bounds = InputReader(), [0, *sorted(cuts), len(arguments)]
    parts = [arguments[a:b] for a, b in itertools.pairwise(bounds)]
    assert "".join(map(reader.feed, parts)) == text == input_of(arguments)
    assert input_of(arguments_of(text)) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input": "a\\ud83d', "a"),
        ('{"input": "a\\ud83dx"}', "a\ufffdx"),
        ('{"input": "a\\ude00"}', "a\ufffd"),
        ('{"input": "\\ud83d"}', "\ufffd"),
        ('{"input": "\\ud83d\\ud83d\\ude00"}', "\ufffd\N{GRINNING FACE}"),
        ('{"input": "a\\', "a"),
        ('{"input": "a\\u00', "a"),
        ('{"other": "a"}', ""),
        ("{", ""),
        ("", ""),
    ],
)
def test_half_a_character_is_told_as_such_once_the_other_half_cannot_come(arguments: str, text: str) -> None:
    assert input_of(arguments) == text
