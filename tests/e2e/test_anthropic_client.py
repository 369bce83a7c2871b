"""The official `anthropic` package, unmodified, against a real cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest

from tests.support.cluster import Cluster

GREEDY = {"temperature": 0}
"""The package has no parameters of sampling: they are sent as extra fields."""
ASK = "What is the weather in Paris?"
CITY: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Any = {"name": "get_weather", "description": "The weather in a city.", "input_schema": CITY}
IMAGE: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}}
BEGUN, PIECE, ENDED = "content_block_start", "content_block_delta", "content_block_stop"


@pytest.fixture
def client(cluster: Cluster) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=cluster.url, api_key="none", max_retries=0) as client:
        yield client


def test_an_answer_goes_on_from_the_assistants_last_message(cluster: Cluster) -> None:
    begun = [
        {"role": "user", "content": "What is the capital of Peru?"},
        {"role": "assistant", "content": "The capital of"},
    ]
    answer = cluster.http.post("/v1/messages", json={"max_tokens": 20, "messages": begun, **GREEDY}).json()
    assert answer["content"][0]["text"].strip() == "Peru is Lima."


def asked(content: Any, **more: Any) -> Any:
    messages = more.pop("messages", [{"role": "user", "content": content}])
    return {"model": "demo", "max_tokens": 100, "messages": messages, "extra_body": GREEDY, **more}


def test_a_message(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(**asked("What is 12 + 7?", metadata={"user_id": "u"}))
    made = raw.parse()
    assert [block.text for block in made.content if block.type == "text"] == ["12 + 7 = 19."]
    assert (made.role, made.model, made.stop_reason, made.stop_sequence) == ("assistant", "demo", "end_turn", None)
    usage = made.usage
    assert (usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens) == (14, 7)
    assert made.id == f"msg_{raw.headers['X-Job-Id']}"
    assert raw.request_id == raw.headers["X-Request-Id"]


def test_a_message_is_a_chats_job(client: anthropic.Anthropic, cluster: Cluster) -> None:
    made = client.messages.create(**asked("What is 12 + 7?", metadata={"user_id": "u"}))
    job = cluster.job(made.id.removeprefix("msg_"))
    assert (job["status"], job["metadata"]) == ("succeeded", {"user_id": "u"})
    assert job["result"]["choices"][0]["message"]["content"] == "12 + 7 = 19."


def test_a_stream_has_every_event_in_its_order(client: anthropic.Anthropic, cluster: Cluster) -> None:
    with client.messages.create(**asked("Count to 9."), stream=True) as stream:
        kinds = [event.type for event in stream]
    assert kinds[:2] == ["message_start", BEGUN]
    assert {*kinds[2:-3]} == {PIECE}
    assert kinds[-3:] == [ENDED, "message_delta", "message_stop"]
    with client.messages.stream(**asked("Count to 9.")) as told:
        assert "".join(told.text_stream) == "1, 2, 3, 4, 5, 6, 7, 8, 9."
        final = told.get_final_message()
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 19)
    body = {"model": "demo", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    with cluster.http.stream("POST", "/v1/messages", json=body) as raw:
        names = [line.removeprefix("event: ") for line in raw.iter_lines() if line.startswith("event: ")]
    assert (names[0], names[-1]) == ("message_start", "message_stop")


@pytest.mark.parametrize("choice", [None, {"type": "any"}, {"type": "tool", "name": "get_weather"}])
def test_a_tool_is_called_and_its_result_told(client: anthropic.Anthropic, choice: Any) -> None:
    more = {"tool_choice": choice} if choice else {}
    made = client.messages.create(**asked(ASK, tools=[WEATHER], **more))
    (call,) = made.content
    assert isinstance(call, anthropic.types.ToolUseBlock)
    assert (made.stop_reason, call.name, call.input) == ("tool_use", "get_weather", {"city": "Paris"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "sunny"}]}
    turns = [
        {"role": "user", "content": ASK},
        {"role": "assistant", "content": made.content},
        {"role": "user", "content": [result]},
    ]
    (said,) = client.messages.create(**asked("", messages=turns, tools=[WEATHER])).content
    assert isinstance(said, anthropic.types.TextBlock)
    assert said.text == "It is sunny in Paris."


def test_a_call_is_streamed(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**asked(ASK, tools=[WEATHER])) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        (call,) = stream.get_final_message().content
    assert isinstance(call, anthropic.types.ToolUseBlock)
    assert (call.input, "".join(pieces)) == ({"city": "Paris"}, '{"city": "Paris"}')


def test_no_tool_is_called_where_none_may_be(client: anthropic.Anthropic) -> None:
    made = client.messages.create(**asked(ASK, tools=[WEATHER], tool_choice={"type": "none"}))
    assert [block.type for block in made.content] == ["text"]


def test_an_answer_tells_what_ended_it(client: anthropic.Anthropic) -> None:
    made = client.messages.create(**asked("Count to 9.", stop_sequences=["x", "5"]))
    assert (made.stop_reason, made.stop_sequence) == ("stop_sequence", "5")
    assert client.messages.create(**asked("Count to 9.", max_tokens=3)).stop_reason == "max_tokens"
    with client.messages.stream(**asked("Count to 9.", stop_sequences=["5"])) as stream:
        final = stream.get_final_message()
    assert (final.stop_reason, final.stop_sequence) == ("stop_sequence", "5")


def test_the_tokens_of_a_prompt_are_counted(client: anthropic.Anthropic) -> None:
    fields: Any = {"model": "demo", "messages": [{"role": "user", "content": ASK}], "tools": [WEATHER]}
    counted = client.messages.count_tokens(**fields, system="Be brief.")
    usage = client.messages.create(**fields, system="Be brief.", max_tokens=1).usage
    assert counted.input_tokens == usage.input_tokens + (usage.cache_read_input_tokens or 0)
    assert counted.input_tokens > client.messages.count_tokens(**fields).input_tokens


def test_models_are_listed_for_anthropics_clients(client: anthropic.Anthropic, cluster: Cluster) -> None:
    page = client.models.list()
    assert ([model.id for model in page.data], page.has_more) == (["demo"], False)
    assert client.models.list(after_id="demo").data == []
    assert client.models.retrieve("demo").display_name == "demo"
    assert cluster.http.get("/v1/models").json()["object"] == "list"
    assert cluster.http.get("/v1/models", params={"limit": 0}).status_code == 400


def test_beta_headers_and_fields_are_taken(client: anthropic.Anthropic) -> None:
    more: Any = {"betas": ["context-management-2025-06-27"], "context_management": {"edits": []}}
    raw = client.beta.messages.with_raw_response.create(**asked("Hi", **more))
    assert raw.headers["X-Unused-Parameters"] == "context_management"


@pytest.mark.parametrize(
    ("fields", "error", "kind", "says"),
    [
        ({"model": "none"}, anthropic.NotFoundError, "not_found_error", "There is no model 'none'"),
        ({"max_tokens": 0}, anthropic.BadRequestError, "invalid_request_error", "max_tokens: "),
        (
            {"messages": [{"role": "user", "content": [IMAGE]}]},
            anthropic.BadRequestError,
            "invalid_request_error",
            "messages.0.content.0: ",
        ),
        (
            {"messages": [{"role": "user", "content": "x " * 2000}]},
            anthropic.BadRequestError,
            "invalid_request_error",
            "prompt is too long: 4008 tokens > 1024 maximum",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_failures_have_anthropics_form(
    client: anthropic.Anthropic, fields: Any, error: type[anthropic.APIStatusError], kind: str, says: str, stream: bool
) -> None:
    with pytest.raises(error) as raised:
        client.messages.create(**asked("Hi", stream=stream, **fields))
    body: Any = raised.value.body
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert body["error"]["message"].startswith(says)
    assert body["request_id"] == raised.value.request_id


def test_a_request_that_is_sent_again_with_its_key_is_one_job(cluster: Cluster) -> None:
    body = {"model": "demo", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    answers: list[httpx.Response] = [
        cluster.http.post("/v1/messages", json=body, headers={"Idempotency-Key": "messages-1"}) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    refused = cluster.http.post("/v1/messages", json=body | {"top_k": 1}, headers={"Idempotency-Key": "messages-1"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "invalid_request_error")
