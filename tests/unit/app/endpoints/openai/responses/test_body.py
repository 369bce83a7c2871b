"""The body of a response: what is refused, and what becomes of what is not."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from app.endpoints.openai.responses.body import ResponseBody
from app.endpoints.openai.responses.sealed import seal
from app.endpoints.openai.responses.tools import HostedKind
from app.http.errors import from_validation
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.sampling import SamplingParams

ENTRY = ModelEntry(path="x", context=100, kv_tokens=100)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True, "description": "Look."}
CALL = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": "Paris"}'}
GIVEN = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
CALLED = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}


def body(**fields: Any) -> ResponseBody:
    return ResponseBody.model_validate({"model": "demo", "input": "Hello", **fields})


def request(**fields: Any) -> dict[str, Any]:
    return body(**fields).request(ENTRY)


def params(**fields: Any) -> SamplingParams:
    return SamplingParams.decode(request(**fields)["sampling"])


def refusal(**fields: Any) -> InvalidRequest:
    """Why a body is refused, by its form or by its sense."""
    try:
        request(**fields)
    except ValidationError as exc:
        return from_validation(exc)
    except InvalidRequest as exc:
        return exc
    pytest.fail("it is not refused")


def messages(*items: Any, **fields: Any) -> Any:
    return request(input=list(items), **fields)["messages"]


# -- input


def test_a_text_is_one_message_of_the_users() -> None:
    assert request()["messages"] == [{"role": "user", "content": "Hello"}]


def test_instructions_come_first_as_the_systems() -> None:
    assert request(instructions="Be short.")["messages"][0] == {"role": "system", "content": "Be short."}


def test_easy_messages_have_text_or_parts() -> None:
    parts = [{"type": "input_text", "text": "What is"}, {"type": "input_text", "text": "12 + 7?"}]
    assert messages({"role": "developer", "content": "Be short."}, {"role": "user", "content": parts}) == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "What is\n12 + 7?"},
    ]


def test_messages_come_back_as_they_were_answered() -> None:
    part = {"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    assert messages(item, {"role": "user", "content": "And?"})[0] == {"role": "assistant", "content": "Hi."}


def test_a_refusal_comes_back_as_what_the_assistant_said() -> None:
    item = {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert messages(item, {"role": "user", "content": "And?"})[0] == {"role": "assistant", "content": "No."}


def test_nulls_of_an_item_count_as_left_out() -> None:
    assert messages({"role": "user", "content": "Hello", "phase": None, "caller": None, "namespace": None})


def test_calls_belong_to_the_message_before_them() -> None:
    question = {"role": "user", "content": "And in Paris?"}
    said = {"role": "assistant", "content": "I look."}
    answered = {"role": "tool", "content": "sunny", "tool_call_id": "c1"}
    assert messages(question, said, CALL, GIVEN)[1:] == [{**said, "tool_calls": [CALLED]}, answered]
    assert messages(question, CALL, {**CALL, "call_id": "c2"}, GIVEN)[1:] == [
        {"role": "assistant", "content": "", "tool_calls": [CALLED, {**CALLED, "id": "c2"}]},
        answered,
    ]


def test_reasoning_is_passed_over() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "x"}]}
    assert messages(reasoning, {"role": "user", "content": "Hello"}) == [{"role": "user", "content": "Hello"}]


SUM = {"role": "user", "content": "What is 12 + 7?"}
ASSISTANT = {"role": "assistant", "content": "19"}
ELSEWHERE = "gAAAAB-of-another-server"


@pytest.mark.parametrize(
    "reasoning",
    [
        {"encrypted_content": seal("Café: add.")},
        {"encrypted_content": seal("Café: add."), "content": None, "status": "completed"},
        {"encrypted_content": ELSEWHERE, "content": [{"type": "reasoning_text", "text": "Café: add."}]},
    ],
)
def test_reasoning_that_we_can_read_belongs_to_the_assistants_next_message(reasoning: dict[str, Any]) -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], **reasoning}
    told = {**ASSISTANT, "reasoning_content": "Café: add."}
    assert messages(SUM, item, ASSISTANT, SUM) == [SUM, told, SUM]
    called = {"role": "assistant", "content": "", "tool_calls": [CALLED], "reasoning_content": "Café: add."}
    assert messages(SUM, item, CALL, GIVEN)[1] == called


@pytest.mark.parametrize("sealed", [ELSEWHERE, "", "caravan.1.", "caravan.1.%%%", "caravan.1._w==", 5, None, ["x"]])
def test_reasoning_that_we_cannot_read_is_passed_over(sealed: Any) -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": sealed}
    assert messages(SUM, item, ASSISTANT) == [SUM, ASSISTANT]


@pytest.mark.parametrize("kind", [{"type": "item_reference"}, {}, {"type": None}])
def test_a_reference_stands_for_its_item(kind: dict[str, Any]) -> None:
    part = {"type": "output_text", "text": "19", "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    asked: list[tuple[str, str]] = []

    def find(item_id: str, param: str) -> dict[str, Any]:
        asked.append((item_id, param))
        return item

    sent = body(input=[SUM, {"id": "msg_1", **kind}, SUM])
    sent.go_on_from(lambda _: [], find)
    assert sent.request(ENTRY)["messages"] == [SUM, ASSISTANT, SUM]
    assert asked == [("msg_1", "input.1.id")]


def test_an_earlier_conversation_comes_between_the_instructions_and_the_input() -> None:
    sent = body(instructions="New.", input=[GIVEN], previous_response_id="resp_1")
    answered = {"role": "assistant", "content": "", "tool_calls": [CALLED]}
    said: dict[str, list[dict[str, Any]]] = {"resp_1": [{"role": "user", "content": "Q"}, answered]}
    sent.go_on_from(said.__getitem__, lambda *_: {})
    assert [message["role"] for message in sent.request(ENTRY)["messages"]] == ["system", "user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"role": "user"}, "input.0.content"),
        ({"content": "x"}, "input.0.role"),
        ({"role": "tool", "content": "x"}, "input.0.role"),
        ({"role": "user", "content": 5}, "input.0.content"),
        ({"role": "user", "content": [{"type": "refusal", "refusal": "No."}]}, "input.0.content"),
        ({"role": "assistant", "content": [{"type": "refusal"}]}, "input.0.content.0.refusal"),
        ({"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}, "input.0.content.0.type"),
        ({"role": "user", "content": "x", "call_id": "c1"}, "input.0.call_id"),
        ({"role": "user", "content": "x", "colour": "red"}, "input.0.colour"),
        ({"type": "item_reference", "id": "msg_1"}, "input.0.id"),
        ({"type": "item_reference"}, "input.0.id"),
        ({"role": "user", "content": "x", "namespace": "y"}, "input.0.namespace"),
        ({"role": "user", "content": "x", "reasoning": "y"}, "input.0.reasoning"),
        ({"type": "function_call", "call_id": "c1", "name": "f"}, "input.0.arguments"),
        ({"type": "function_call_output", "output": "x"}, "input.0.call_id"),
        (GIVEN, "input"),
        ({"type": "reasoning", "summary": []}, "input"),
        ("Hello", "input.0"),
    ],
)
def test_an_item_that_makes_no_sense_is_refused_by_name(item: Any, param: str) -> None:
    assert refusal(input=[item]).param == param


# -- fields


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 5}, "input"),
        ({"input": []}, "input"),
        ({"colour": "red"}, "colour"),
        ({"max_tokens": 5}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"json_schema": SCHEMA}, "json_schema"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"background": True, "store": False}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"reasoning": {"effort": "much"}}, "reasoning.effort"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"include": ["everything"]}, "include.0"),
        ({"max_tool_calls": 0}, "max_tool_calls"),
        ({"tools": [{"type": "local_shell"}]}, "tools.0"),
        ({"tools": [{"type": "namespace", "name": "x"}]}, "tools.0.tools"),
        ({"tools": [{"type": "namespace", "name": "x", "tools": [{"type": "custom"}]}]}, "tools.0.tools.0.name"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "schema": SCHEMA}}}, "text.format.name"),
        ({"text": {"format": {"type": "json_schema", "name": "x", "schema": {"not": {}}}}}, "text.format"),
        ({"text": {"format": {"type": "json_object"}}, "grammar": 'root ::= "x"'}, "grammar"),
        ({"text": {"format": {"type": "json_object"}}, "ignore_eos": True}, "ignore_eos"),
        ({"tools": [{"type": "function"}]}, "tools.0.name"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools.0.name"),
        ({"tools": [WEATHER, WEATHER]}, "tools"),
        ({"tools": [WEATHER], "ignore_eos": True}, "ignore_eos"),
        ({"tools": [WEATHER], "include": ["message.output_text.logprobs"]}, "include"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "name": "other"}}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        ({"tools": [WEATHER], "tool_choice": "sometimes"}, "tool_choice.type"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    assert refusal(**fields).param == param


def test_a_field_of_another_endpoint_is_unknown_and_says_what_to_use() -> None:
    error = refusal(max_tokens=5)
    assert (error.code, error.message) == (
        "unknown_parameter",
        "'max_tokens' is not a parameter of this call. Use max_output_tokens.",
    )


def test_null_is_as_good_as_left_out() -> None:
    nulls = dict.fromkeys(("conversation", "prompt", "max_tool_calls", "tools", "tool_choice", "text", "reasoning"))
    assert request(**nulls, seed=1) == request(seed=1)


def test_tools_reach_the_job_as_functions() -> None:
    made = request(tools=[WEATHER], tool_choice={"type": "function", "name": "get_weather"}, parallel_tool_calls=False)
    assert made["tools"] == [{key: value for key, value in WEATHER.items() if key != "type"}]
    assert made["tool_choice"] == {"name": "get_weather"}
    assert made["parallel_tool_calls"] is False


NOW = {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}}
CLOCK = {"type": "namespace", "name": "clock", "description": "Time.", "tools": [NOW]}
CALL_NOW = {"type": "function", "name": "now"}


def test_a_namespace_is_a_list_of_functions() -> None:
    made = request(tools=[CLOCK, NOW], tool_choice=CALL_NOW)
    assert [tool["name"] for tool in made["tools"]] == ["clock.now", "now"]
    assert made["tool_choice"] == {"name": "now"}
    told = {**NOW, "description": None, "strict": None}
    assert made["response"]["tools"] == [{**CLOCK, "tools": [told]}, told]
    assert request(tools=[CLOCK], tool_choice=CALL_NOW)["tool_choice"] == {"name": "clock.now"}
    call = {**CALL, "name": "now", "namespace": "clock"}
    assert messages(SUM, call)[1]["tool_calls"][0]["function"]["name"] == "clock.now"


@pytest.mark.parametrize("kind", get_args(HostedKind))
def test_a_tool_that_we_do_not_run_is_told_of_neither_to_the_model_nor_in_the_response(kind: str) -> None:
    made = request(tools=[{"type": kind, "filters": {"x": 1}}, WEATHER])
    assert [tool["name"] for tool in made["tools"]] == ["get_weather"]
    assert made["response"]["tools"] == [WEATHER]
    assert "tools" not in request(tools=[{"type": kind}])


def test_the_clients_metadata_is_metadata() -> None:
    given = body(client_metadata={"a": "b", "c": "d"}, metadata={"c": "e"})
    assert given.metadata == {"a": "b", "c": "e"}


def test_an_effort_reaches_the_template_and_is_told_again() -> None:
    made = request(reasoning={"effort": "low", "summary": "auto"}, chat_template_kwargs={"x": 1})
    assert made["template_variables"] == {"reasoning_effort": "low", "enable_thinking": True, "x": 1}
    assert made["response"]["reasoning"] == {"effort": "low", "summary": None}
    assert request(reasoning={"effort": "none"})["template_variables"]["enable_thinking"] is False
    assert "template_variables" not in request(reasoning={"summary": "auto"})


def test_limit_logprobs_and_samplers_reach_the_worker() -> None:
    made = params(
        max_output_tokens=5, include=["message.output_text.logprobs"], top_logprobs=3, temperature=0, top_k=7, seed=9
    )
    assert (made.max_tokens, made.logprobs, made.temperature, made.top_k, made.seed) == (5, 3, 0, 7, 9)


@pytest.mark.parametrize(
    ("given", "constrains"),
    [
        ({"type": "text"}, False),
        ({"type": "json_object"}, True),
        ({"type": "json_schema", "name": "weather", "schema": SCHEMA, "strict": True}, True),
    ],
)
def test_a_format_is_a_constraint(given: dict[str, Any], constrains: bool) -> None:
    assert (params(text={"format": given}).grammar is not None) is constrains


def test_the_request_is_told_again() -> None:
    named = {"type": "function", "name": "get_weather"}
    text = {"format": {"type": "json_schema", "name": "w", "schema": SCHEMA}}
    echo = request(
        instructions="Be short.", tools=[WEATHER], tool_choice=named, text=text, background=True, user="u", seed=1
    )["response"]
    assert echo == {
        "instructions": "Be short.",
        "previous_response_id": None,
        "user": "u",
        "safety_identifier": None,
        "prompt_cache_key": None,
        "background": True,
        "max_tool_calls": None,
        "parallel_tool_calls": True,
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "text": text,
        "tool_choice": named,
        "tools": [WEATHER],
        "top_logprobs": 0,
    }
    assert request(tools=[WEATHER], tool_choice="none")["response"]["tool_choice"] == "none"
