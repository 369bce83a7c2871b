"""Small inputs that broke servers of this kind, or this one, as their reports sent them: each has the right answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cluster import Cluster

QUESTION = [{"role": "user", "content": "What is the weather in Paris?"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"name": "get_weather", "parameters": {**CITY, "required": ["city"]}}
CALLED = ("get_weather", '{"city": "Paris"}')


def ask(cluster: Cluster, path: str, **body: Any) -> Any:
    answer = cluster.http.post(path, json={"model": "demo", "temperature": 0, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def calls_of(choice: Any) -> list[tuple[str, str]]:
    calls = choice["message"].get("tool_calls", [])
    return [(call["function"]["name"], call["function"]["arguments"]) for call in calls]


@pytest.mark.parametrize(
    "email",
    [
        {"type": "string", "format": "email", "pattern": r"^(?!\.)(?!.*\.\.)[a-z.]+@[a-z.]+$"},
        {"type": "string", "pattern": r"\bx"},
        {"type": "string", "pattern": r"(a)\1"},
        {"type": "string", "pattern": "(?>a)"},
        {"type": "string", "pattern": r"a\Z"},
        {"type": "string", "pattern": "[^]"},
        {"type": "file"},
        {"$ref": "#/$defs/none"},
        {"type": "integer", "minimum": 3, "maximum": 2},
    ],
    ids=lambda schema: str(schema.get("pattern") or schema),
)
def test_what_cannot_be_followed_in_one_tool_leaves_the_others_as_they_are(cluster: Cluster, email: Any) -> None:
    invite = {"name": "invite", "strict": False, "parameters": {"type": "object", "properties": {"email": email}}}
    tools = [{"type": "function", "function": each} for each in (WEATHER, invite)]
    body = {"messages": QUESTION, "tools": tools}
    (choice,) = ask(cluster, "/v1/chat/completions", **body)["choices"]
    assert (calls_of(choice), choice["finish_reason"]) == ([CALLED], "tool_calls")
    (choice,) = ask(cluster, "/v1/chat/completions", **body, tool_choice="none")["choices"]
    assert (calls_of(choice), choice["finish_reason"]) == ([], "stop")


@pytest.mark.parametrize("stop", ["Paris", "}", "name", "<tool_call>", "\n"])
def test_a_stop_string_cuts_no_call(cluster: Cluster, stop: str) -> None:
    tools = [{"type": "function", "function": WEATHER}]
    (choice,) = ask(cluster, "/v1/chat/completions", messages=QUESTION, tools=tools, stop=[stop])["choices"]
    assert (calls_of(choice), choice["finish_reason"]) == ([CALLED], "tool_calls")
    flat = [{"type": "function", **WEATHER}]
    made = ask(cluster, "/v1/responses", input=QUESTION[0]["content"], tools=flat, stop=[stop])
    assert made["status"] == "completed"
    assert [(item["name"], item["arguments"]) for item in made["output"]] == [CALLED]


def test_a_call_has_the_properties_of_its_function_and_no_others(cluster: Cluster) -> None:
    takes = {"type": "object", "properties": {"input": {"type": "integer", "maximum": 9}}, "required": ["input"]}
    (choice,) = ask(
        cluster,
        "/v1/chat/completions",
        messages=[{"role": "user", "content": "What is the value of magic_function(3)? Use the tool."}],
        tools=[{"type": "function", "function": {"name": "magic_function", "parameters": takes}}],
        tool_choice="required",
        parallel_tool_calls=False,
        max_tokens=200,
    )["choices"]
    assert choice["finish_reason"] == "tool_calls"
    ((name, arguments),) = calls_of(choice)
    assert (name, arguments.count(":")) == ("magic_function", 1)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"include": ["reasoning.encrypted_content"]}, {}),
        ({"client_metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"reasoning": {"summary": "auto"}}, {"reasoning": {"effort": None, "summary": None}}),
        ({"tools": [{"type": "web_search"}]}, {"tools": []}),
    ],
)
def test_each_thing_that_codex_always_sends_is_taken(cluster: Cluster, fields: Any, told: dict[str, Any]) -> None:
    made = ask(cluster, "/v1/responses", input="What is 12 + 7?", **fields)
    assert made["output"][-1]["content"][0]["text"] == "12 + 7 = 19."
    assert {field: made[field] for field in told} == told
