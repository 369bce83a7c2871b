"""Ollama's bodies: what they ask for of a job, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from app.bodies.unused import unused
from app.bodies.validation import validate
from app.endpoints.ollama.body import EmbedBody, GenerateBody, OllamaChatBody, RawGenerateBody
from app.endpoints.ollama.fields import unloads
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.completion_body import CompletionBody
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry

ENTRY = ModelEntry(path="x", context=4096)
HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


def chat(**fields: Any) -> OllamaChatBody:
    return validate(OllamaChatBody, {"model": "demo", "messages": HELLO, **fields})


def asked(**fields: Any) -> dict[str, Any]:
    return chat(**fields).request(ENTRY)


def generated(**fields: Any) -> dict[str, Any]:
    schema = RawGenerateBody if fields.get("raw") else GenerateBody
    return validate(schema, {"model": "demo", "prompt": "Hello", **fields}).request(ENTRY)


def openai(schema: type[ChatBody | CompletionBody] = ChatBody, **fields: Any) -> dict[str, Any]:
    return validate(schema, {"model": "demo", **fields}).request(ENTRY)


def test_options_ask_for_what_openais_fields_ask_for() -> None:
    same: dict[str, Any] = {"temperature": 0.5, "top_k": 7, "top_p": 0.5, "min_p": 0.1, "typical_p": 0.9, "seed": 3}
    same |= {"repeat_penalty": 1.2, "presence_penalty": 0.1, "frequency_penalty": 0.2, "repeat_last_n": 9, "stop": "x"}
    made = asked(options={**same, "num_predict": 12}, logprobs=True, top_logprobs=2)
    assert made == openai(messages=HELLO, **same, max_tokens=12, logprobs=True, top_logprobs=2)


@pytest.mark.parametrize("limit", [0, -1, -2])
def test_a_limit_that_is_none_of_ollamas_is_none(limit: int) -> None:
    assert asked(options={"num_predict": limit})["sampling"]["max_tokens"] is None


def test_a_seed_below_0_is_drawn() -> None:
    assert asked(options={"seed": -7})["sampling"]["seed"] >= 0


def test_a_format_is_the_schema_of_the_answer() -> None:
    wanted = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
    seeded = {"options": {"seed": 1}}
    assert asked(format=SCHEMA, **seeded) == openai(messages=HELLO, response_format=wanted, seed=1)
    assert asked(format="json", **seeded) == openai(messages=HELLO, response_format={"type": "json_object"}, seed=1)
    assert asked(format="", **seeded) == openai(messages=HELLO, seed=1)


@pytest.mark.parametrize(
    ("think", "variables"),
    [
        (True, {"enable_thinking": True}),
        (False, {"enable_thinking": False}),
        ("high", {"reasoning_effort": "high", "enable_thinking": True}),
    ],
)
def test_thinking_is_a_variable_of_the_template(think: Any, variables: dict[str, Any]) -> None:
    assert asked(think=think)["template_variables"] == variables
    assert generated(think=think)["template_variables"] == variables


def test_calls_and_their_answers_find_each_other() -> None:
    def call(city: str, **more: Any) -> dict[str, Any]:
        return {"function": {"name": "weather", "arguments": {"city": city}}, **more}

    messages = [
        *HELLO,
        {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [call("Paris"), call("Rome", id="r")]},
        {"role": "tool", "content": "rain", "tool_call_id": "r"},
        {"role": "tool", "content": "sun", "tool_name": "weather"},
        {"role": "assistant", "tool_calls": [call("Oslo")]},
        {"role": "tool", "content": "snow"},
        {"role": "tool", "content": "of nothing", "tool_name": "other"},
    ]
    _, calling, rain, sun, again, snow, other = asked(messages=messages, tools=[TOOL])["messages"]
    assert calling["reasoning_content"] == "Hm."
    assert [(each["id"], each["function"]["arguments"]) for each in calling["tool_calls"]] == [
        ("call_0", '{"city": "Paris"}'),
        ("r", '{"city": "Rome"}'),
    ]
    assert (rain["tool_call_id"], sun["tool_call_id"]) == ("r", "call_0")
    assert again["tool_calls"][0]["id"] == snow["tool_call_id"] == "call_2"
    assert (other["name"], "tool_call_id" in other) == ("other", False)


def test_a_prompt_is_what_the_user_says_after_the_system_and_what_was_said() -> None:
    context = list(map(ord, '[["system","Old."],["user","A"],["assistant","B"]]'))
    assert [(each["role"], each["content"]) for each in generated(system="New.", context=context)["messages"]] == [
        ("system", "New."),
        ("user", "A"),
        ("assistant", "B"),
        ("user", "Hello"),
    ]


def test_a_raw_prompt_is_continued_without_a_limit() -> None:
    made = generated(raw=True, options={"seed": 1}, logprobs=True)
    assert made == openai(CompletionBody, prompt="Hello", seed=1, max_tokens=-1, logprobs=0)
    assert made["sampling"]["max_tokens"] is None


def test_what_clients_put_beside_the_options_is_passed_over_as_ollama_does() -> None:
    beside: dict[str, Any] = {"temperature": 0.5, "top_p": 0.5, "max_output_tokens": 9, "tool_choice": "required"}
    options = {"seed": 1}
    assert asked(**beside, options=options) == asked(options=options)
    assert set(unused(chat(**beside))) == set(beside)
    assert list(unused(chat(tool_choice="auto"))) == []


@pytest.mark.parametrize("option", ["num_ctx", "num_gpu", "mirostat", "tfs_z", "use_mmap", "num_thread"])
def test_options_for_loading_are_named_as_unused(option: str) -> None:
    value: Any = True if option == "use_mmap" else 2
    assert list(unused(chat(options={option: value}, keep_alive="5m"))) == [f"options.{option}", "keep_alive"]


def test_what_options_ask_that_is_done_anyway_is_not_named() -> None:
    assert list(unused(chat(options={"mirostat": 0, "tfs_z": 1.0}))) == []


@pytest.mark.parametrize("keep_alive", [0, 0.0, "0", "0s", "0h0m", "-0"])
def test_no_time_unloads(keep_alive: Any) -> None:
    assert chat(messages=[], keep_alive=keep_alive).unloads


@pytest.mark.parametrize("keep_alive", [-1, 300, "5m", "1h30m", "-1", None])
def test_any_time_does_not(keep_alive: Any) -> None:
    assert not unloads(keep_alive)
    assert not chat(keep_alive=keep_alive).unloads


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"keep_alive": "soon"}, "keep_alive"),
        ({"keep_alive": True}, "keep_alive"),
        ({"keep_alive": [1]}, "keep_alive"),
        ({"format": "yaml"}, "format"),
        ({"format": {"type": "object", "not": {}}}, "format"),
        ({"think": "a lot"}, "think"),
        ({"think": 1}, "think"),
        ({"options": {"temperature": 9}}, "options.temperature"),
        ({"options": {"warmth": 1}}, "options.warmth"),
        ({"options": []}, "options"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"messages": [{"role": "user", "content": "x", "images": ["aGk="]}]}, "messages.0.images"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "tool_calls": [{"function": {"name": "a"}}]}]}, "messages.0.tool_calls"),
        ({"tools": [TOOL, TOOL]}, "tools"),
    ],
)
def test_a_chat_is_refused_by_the_field_at_fault(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(**fields)
    assert refused.value.param == param
    assert "response_format" not in refused.value.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"suffix": "x"}, "suffix"),
        ({"template": "x"}, "template"),
        ({"images": ["aGk="]}, "images"),
        ({"context": [1, 2, 3]}, "context"),
        ({"context": list(map(ord, '[["user",1]]'))}, "context"),
        ({"context": list(map(ord, '[["tool","x"]]'))}, "context"),
        ({"context": list(map(ord, '{"a":1}'))}, "context"),
        ({"context": [91] * 100_000}, "context"),
        ({"context": list(map(ord, '[["user","\ud800"]]'))}, "context"),
        ({"context": list(map(ord, '[["user","\\ud800"]]'))}, "context"),
        ({"context": [2**31]}, "context.0"),
        ({"raw": True, "system": "x"}, "system"),
        ({"raw": True, "context": [91, 93]}, "context"),
        ({"raw": True, "suffix": "x"}, "suffix"),
        ({"raw": True, "top_logprobs": 3}, "top_logprobs"),
    ],
)
def test_a_prompt_is_refused_by_the_field_at_fault(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        generated(**fields)
    assert refused.value.param == param


def test_a_text_to_embed_may_stand_alone_and_an_empty_one_is_none() -> None:
    def read(given: Any) -> list[str]:
        return validate(EmbedBody, {"model": "v", "input": given}).input

    assert (read("a"), read(["a", "b"]), read(""), read([])) == (["a"], ["a", "b"], [], [])
    for given in (["a", ""], [1], {"a": 1}, ["a"] * 2049):
        with pytest.raises(InvalidRequest, match="input: "):
            read(given)
