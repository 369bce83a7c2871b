"""Tools, with the `openai` package, unmodified, against a real cluster and the demo model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.support.cluster import Cluster


@pytest.fixture
def client(cluster: Cluster) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=0) as client:
        yield client


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": CITY},
}
TIME: Any = {"type": "function", "function": {"name": "get_time", "parameters": CITY}}
STRICT = {"name": "f", "parameters": {"uniqueItems": True}, "strict": True}
ASK = "What is the weather in Paris?"


def ask(client: openai.OpenAI, text: str = ASK, **more: Any) -> Any:
    messages: list[Any] = more.pop("messages", [{"role": "user", "content": text}])
    return client.chat.completions.create(
        model="demo", messages=messages, **{"tools": [WEATHER, TIME], "temperature": 0, **more}
    )


def test_a_question_is_answered_by_way_of_a_tool(client: openai.OpenAI) -> None:
    (choice,) = ask(client).choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    (call,) = choice.message.tool_calls
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    conversation = [
        {"role": "user", "content": ASK},
        choice.message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    answer = ask(client, messages=conversation)
    assert answer.choices[0].message.content == "It is sunny in Paris."
    assert answer.choices[0].finish_reason == "stop"


def test_a_question_that_needs_no_tool_is_answered(client: openai.OpenAI) -> None:
    (choice,) = ask(client, "What is 12 + 7?").choices
    assert (choice.message.content, choice.message.tool_calls) == ("12 + 7 = 19.", None)
    assert choice.finish_reason == "stop"


def test_calls_stream_as_they_are_made(client: openai.OpenAI) -> None:
    chunks = [chunk.choices[0] for chunk in ask(client, stream=True)]
    calls = [call for chunk in chunks for call in chunk.delta.tool_calls or ()]
    assert [(call.function.name, call.type) for call in calls if call.id] == [("get_weather", "function")]
    arguments = "".join(call.function.arguments for call in calls)
    assert json.loads(arguments) == {"city": "Paris"}
    assert chunks[-1].finish_reason == "tool_calls"
    assert not any(chunk.delta.content for chunk in chunks)


def test_the_stream_helper_puts_the_call_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="demo", messages=[{"role": "user", "content": ASK}], tools=[WEATHER], temperature=0
    ) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
    assert [(event.name, json.loads(event.arguments)) for event in done] == [("get_weather", {"city": "Paris"})]


def test_a_call_can_be_required_forbidden_and_named(client: openai.OpenAI) -> None:
    (required,) = ask(client, "Hello", tool_choice="required", max_tokens=200).choices
    assert required.message.tool_calls[0].function.name in ("get_weather", "get_time")
    (named,) = ask(client, tool_choice={"type": "function", "function": {"name": "get_time"}}).choices
    assert [call.function.name for call in named.message.tool_calls] == ["get_time"]
    assert json.loads(named.message.tool_calls[0].function.arguments).keys() == {"city"}
    (forbidden,) = ask(client, tool_choice="none").choices
    assert forbidden.message.tool_calls is None


def test_arguments_meet_the_functions_schema_whatever_the_model_would_say(client: openai.OpenAI) -> None:
    parameters = {
        "type": "object",
        "properties": {"city": {"enum": ["Oslo", "Lima"]}, "days": {"type": "integer", "minimum": 2, "maximum": 5}},
        "required": ["city", "days"],
        "additionalProperties": False,
    }
    tool: Any = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
    for seed in range(3):
        (choice,) = ask(client, tools=[tool], temperature=1.5, seed=seed, tool_choice="required").choices
        arguments = json.loads(choice.message.tool_calls[0].function.arguments)
        assert arguments["city"] in ("Oslo", "Lima")
        assert arguments["days"] in range(2, 6)


class Weather(BaseModel):
    city: str
    degrees: int


def test_an_answer_is_parsed_into_a_model(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="demo",
        messages=[{"role": "user", "content": ASK}],
        response_format=Weather,
        max_tokens=400,
        temperature=0,
    )
    assert isinstance(answer.choices[0].message.parsed, Weather)


def test_arguments_are_parsed_into_a_model(client: openai.OpenAI) -> None:
    class City(BaseModel):
        city: str

    answer = client.chat.completions.parse(
        model="demo",
        messages=[{"role": "user", "content": ASK}],
        tools=[openai.pydantic_function_tool(City, name="get_weather")],
        temperature=0,
    )
    call = (answer.choices[0].message.tool_calls or [])[0]
    assert call.function.parsed_arguments == City(city="Paris")


def test_a_parsed_message_can_be_sent_back(client: openai.OpenAI) -> None:
    class City(BaseModel):
        city: str

    tools = [openai.pydantic_function_tool(City, name="get_weather")]
    question: Any = {"role": "user", "content": ASK}
    message = client.chat.completions.parse(model="demo", messages=[question], tools=tools, temperature=0).choices[0]
    call = (message.message.tool_calls or [])[0]
    told: Any = {"role": "tool", "tool_call_id": call.id, "content": "rainy"}
    answer = ask(client, messages=[question, message.message, told])
    assert answer.choices[0].message.content == "It is rainy in Paris."


def test_a_keyword_that_cannot_be_followed_is_left_to_the_model_unless_it_is_strict(client: openai.OpenAI) -> None:
    parameters = {**CITY, "properties": {"city": {"type": "string", "pattern": "^(?!X)[A-Z]"}}}
    tool: Any = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
    (choice,) = ask(client, tools=[tool]).choices
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Paris"}
    tool["function"]["strict"] = True
    with pytest.raises(openai.BadRequestError, match="'pattern' at #/properties/city"):
        ask(client, tools=[tool])
    assert ask(client, tools=[tool], tool_choice="none").choices


def test_a_schema_that_compiles_for_ever_is_refused_or_left_to_the_model(client: openai.OpenAI) -> None:
    hog = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "n": {"type": "integer", "multipleOf": 400_009}},
    }
    response_format: Any = {"type": "json_schema", "json_schema": {"name": "m", "schema": hog}}
    with pytest.raises(openai.BadRequestError, match="more than 1 second of a processor, or more than 256 MiB"):
        ask(client, response_format=response_format)
    tool: Any = {"type": "function", "function": {"name": "get_weather", "parameters": hog}}
    (choice,) = ask(client, tools=[tool]).choices
    assert json.loads(choice.message.tool_calls[0].function.arguments)["city"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [WEATHER, WEATHER]}, "tools"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"tool_choice": "perhaps"}, "tool_choice.type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
        ({"tools": [{"type": "function", "function": STRICT}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
    ],
)
def test_tools_that_make_no_sense_are_refused(client: openai.OpenAI, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **({"extra_body": fields} if "functions" in fields else fields))
    assert refused.value.param == param


def test_a_call_of_another_turn_is_the_assistants_alone(client: openai.OpenAI) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, messages=[{"role": "user", "content": "x", "tool_calls": [call]}])
    assert refused.value.param == "messages.0.tool_calls"
