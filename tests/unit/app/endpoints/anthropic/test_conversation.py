"""Anthropic's messages as the chat endpoint's."""

from __future__ import annotations

from typing import Any

import pytest

from app.bodies.unused import unused
from app.bodies.validation import validate
from app.endpoints.anthropic.body import CountTokensBody, MessagesBody
from app.endpoints.openai.responses.sealed import seal
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry

ENTRY = ModelEntry(path="demo")
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"name": "weather", "input_schema": CITY}
USE = {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Zürich"}}


def body(**fields: Any) -> MessagesBody:
    return validate(MessagesBody, {"model": "demo", "max_tokens": 9, "messages": [user("Hi")], **fields})


def request(**fields: Any) -> dict[str, Any]:
    return body(**fields).request(ENTRY)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": [*blocks]}


def result(content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "c1", "content": content, **more}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said, "cache_control": {"type": "ephemeral"}}


def refusal(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as raised:
        request(**fields)
    return raised.value


def test_a_system_may_be_a_text_or_blocks() -> None:
    assert request(system="Be brief.")["messages"][0] == {"role": "system", "content": "Be brief."}
    blocks = [text("Be brief."), text("Be kind.")]
    assert request(system=blocks)["messages"][0] == {"role": "system", "content": "Be brief.\nBe kind."}


def test_a_call_and_its_result_are_those_of_a_chat() -> None:
    made = request(messages=[user("?"), assistant(text("Let me see."), USE), user([result("sunny"), text("And?")])])
    function = {"name": "weather", "arguments": '{"city": "Zürich"}'}
    assert made["messages"][1:] == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "sunny", "tool_call_id": "c1"},
        {"role": "user", "content": "And?"},
    ]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (result([text("a"), text("b")]), "a\nb"),
        (result("no city", is_error=True), "Error: no city"),
        ({"type": "tool_result", "tool_use_id": "c1"}, ""),
    ],
)
def test_a_result_is_read_as_text(sent: dict[str, Any], read: str) -> None:
    assert request(messages=[user("?"), assistant(USE), user([sent])])["messages"][-1]["content"] == read


def test_turns_of_one_role_are_one_and_a_document_is_its_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "Lions."}
    document = {"type": "document", "source": source, "title": "Zoo", "citations": {"enabled": True}}
    made = request(messages=[user([document]), user("What is there?")])
    assert made["messages"] == [{"role": "user", "content": "Zoo\nLions.\nWhat is there?"}]


def test_reasoning_comes_back_from_its_text_or_its_signature() -> None:
    shown = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    left_out = {"type": "thinking", "thinking": "", "signature": seal("Aha.")}
    foreign = {"type": "thinking", "thinking": "", "signature": "EqQB"}
    redacted = {"type": "redacted_thinking", "data": "y"}
    (_, said) = request(messages=[user("?"), assistant(shown, left_out, foreign, redacted, text("Yes."))])["messages"]
    assert said == {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm.\nAha."}


@pytest.mark.parametrize(
    ("fields", "variables"),
    [
        ({}, None),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"enable_thinking": True}),
        ({"thinking": {"type": "disabled"}}, {"enable_thinking": False}),
        ({"output_config": {"effort": "low"}}, {"reasoning_effort": "low", "enable_thinking": True}),
        (
            {"output_config": {"effort": "low"}, "thinking": {"type": "disabled"}},
            {"reasoning_effort": "low", "enable_thinking": False},
        ),
    ],
)
def test_thinking_is_the_templates_switch(fields: dict[str, Any], variables: dict[str, Any] | None) -> None:
    assert request(**fields).get("template_variables") == variables


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        ({"type": "auto"}, (None, True)),
        ({"type": "any", "disable_parallel_tool_use": True}, ("required", False)),
        ({"type": "tool", "name": "weather"}, ({"name": "weather"}, True)),
        ({"type": "none"}, ("none", True)),
    ],
)
def test_a_choice_of_tools_is_the_chats(choice: dict[str, Any], made: tuple[Any, bool]) -> None:
    asked = request(tools=[TOOL], tool_choice=choice)
    assert (asked.get("tool_choice"), asked["parallel_tool_calls"]) == made
    assert asked["tools"] == [{"name": "weather", "parameters": CITY}]


def test_what_this_server_does_not_do_is_left_out_by_name() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
    sent = body(tools=[TOOL, search], context_management={"edits": []}, service_tier="auto", mcp_servers=[])
    assert list(unused(sent)) == ["tools.type", "context_management", "service_tier"]
    assert [tool["name"] for tool in sent.request(ENTRY)["tools"]] == ["weather"]
    assert "tools" not in request(tools=[search])


def test_sampling_and_the_form_of_an_answer_are_the_chats() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    form = {"type": "json_schema", "schema": schema}
    sampling = request(temperature=0.5, top_k=3, top_p=0.9, stop_sequences=["x"])["sampling"]
    names = ("max_tokens", "temperature", "top_k", "top_p", "stop")
    assert [sampling[name] for name in names] == [9, 0.5, 3, 0.9, ["x"]]
    assert request(output_config={"format": form})["sampling"]["grammar"]
    assert request(output_format=form)["sampling"]["grammar"]
    assert refusal(output_format=form, output_config={"format": form}).param == "output_format"


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"messages": [user([USE])]}, "messages.0.content.0", "Only messages of another role"),
        ({"messages": [user([result("x")])]}, "messages.0.content.0", "There is no call 'c1' before its result"),
        ({"messages": [assistant(result("x"))]}, "messages.0.content.0", "Only messages of another role"),
        ({"messages": [user([{"type": "image"}])]}, "messages.0.content.0", "take no images"),
        ({"messages": [user([{"text": "x"}])]}, "messages.0.content.0", "Input should be a block of type text"),
        ({"messages": [user(3)]}, "messages.0.content", "a string or a list of blocks"),
        ({"messages": []}, "messages", "at least 1"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools.0", "Only tools of type 'custom'"),
        ({"tool_choice": {"type": "any"}}, "tool_choice", "there are no tools"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice", "There is no tool 'x'"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice", "it needs one"),
        ({"tool_choice": {"type": "auto", "name": "x"}}, "tool_choice", "Only the type 'tool' has a name"),
        ({"stop": ["x"]}, "stop", "not a parameter"),
        ({"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(fields: dict[str, Any], param: str, message: str) -> None:
    refused = refusal(**fields)
    assert refused.param == param
    assert message in refused.message


def test_a_count_asks_for_the_prompt_alone() -> None:
    asked = validate(CountTokensBody, {"model": "demo", "messages": [user("Hi")], "tools": [TOOL]}).request(ENTRY)
    assert asked["counts_tokens"] is True
    assert "sampling" not in asked
