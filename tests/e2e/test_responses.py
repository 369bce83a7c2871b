"""OpenAI's Responses API through the `openai` package, unmodified, against a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseFunctionToolCall
from pydantic import BaseModel

from tests.support.cluster import Cluster
from tests.support.waiting import until

SUM = "What is 12 + 7?"
STORY: Any = {"input": "Tell me a long story about a bear.", "extra_body": {"ignore_eos": True}}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Weather(BaseModel):
    sunny: bool
    mood: bool


class City(BaseModel):
    city: str


ENDED = ("completed", "incomplete", "failed", "cancelled")


@pytest.fixture
def client(cluster: Cluster) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def create(client: openai.OpenAI, **options: Any) -> Any:
    return client.responses.create(**{"model": "demo", "temperature": 0, **options})


def ended(client: openai.OpenAI, response_id: str) -> Response:
    until(lambda: client.responses.retrieve(response_id).status in ENDED, what="the response ends")
    return client.responses.retrieve(response_id)


def test_a_response_is_answered_and_kept(client: openai.OpenAI) -> None:
    made = create(client, input=SUM, metadata={"a": "b"}, max_output_tokens=50)
    assert (made.output_text, made.status, made.metadata) == ("12 + 7 = 19.", "completed", {"a": "b"})
    assert made.usage.input_tokens + made.usage.output_tokens == made.usage.total_tokens == 21
    assert client.responses.retrieve(made.id) == made


def test_instructions_and_items_are_heard(client: openai.OpenAI) -> None:
    made = create(
        client,
        instructions="You are a helpful assistant.",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "Count to 9."}]}],
    )
    assert made.output_text == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert made.instructions == "You are a helpful assistant."


def test_a_stream_tells_every_event_and_ends_with_the_response(client: openai.OpenAI) -> None:
    events = list(create(client, input=SUM, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type.removeprefix("response.") for event in events]
    assert kinds[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert kinds[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]
    assert set(kinds[4:-4]) == {"output_text.delta"}
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "12 + 7 = 19."
    assert client.responses.retrieve(events[0].response.id) == events[-1].response


def test_the_packages_own_stream_puts_it_together(client: openai.OpenAI) -> None:
    with client.responses.stream(model="demo", input=SUM, temperature=0) as stream:
        assert stream.get_final_response().output_text == "12 + 7 = 19."


def test_an_answer_that_is_cut_is_incomplete(client: openai.OpenAI) -> None:
    made = create(client, **STORY, max_output_tokens=5)
    assert (made.status, made.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    *_, last = create(client, **STORY, max_output_tokens=5, stream=True)
    assert last.type == "response.incomplete"
    assert last.response.output[0].status == "incomplete"


def test_a_function_is_called_and_its_output_answered(client: openai.OpenAI) -> None:
    items: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    made = create(client, input=items, tools=[WEATHER])
    call = next(item for item in made.output if item.type == "function_call")
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris"})
    items += [*made.output, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    assert create(client, input=items, tools=[WEATHER]).output_text == "It is sunny in Paris."


NOTHING: Any = {"type": "object", "properties": {}, "additionalProperties": False}
NOW: Any = {"type": "function", "name": "now", "parameters": NOTHING}


def test_what_codex_sends_with_every_request_is_taken(client: openai.OpenAI) -> None:
    raw = client.responses.with_raw_response.create(
        model="demo",
        temperature=0,
        input=SUM,
        include=["reasoning.encrypted_content"],
        reasoning={"effort": "low", "summary": "auto"},
        tools=[{"type": "web_search"}, {"type": "namespace", "name": "x", "description": "Time.", "tools": [NOW]}],
        extra_body={"client_metadata": {"a": "b"}},
        text={"verbosity": "low"},
        service_tier="priority",
        truncation="auto",
    )
    assert raw.headers["X-Unused-Parameters"] == "text.verbosity, reasoning.summary, truncation"
    made: Any = raw.parse()
    assert (made.output_text, made.metadata, made.reasoning.effort) == ("12 + 7 = 19.", {"a": "b"}, "low")
    assert ([tool.type for tool in made.tools], made.service_tier) == (["namespace"], "priority")


def test_a_function_of_a_namespace_is_called_by_its_own_name(client: openai.OpenAI) -> None:
    tools: Any = [{"type": "namespace", "name": "clock", "description": "Time.", "tools": [NOW]}]
    made = create(client, input=SUM, tools=tools, tool_choice="required", max_output_tokens=200)
    (call,) = made.output
    assert (call.name, call.namespace, made.status) == ("now", "clock", "completed")
    items: list[Any] = [
        {"role": "user", "content": SUM},
        *made.output,
        {"type": "function_call_output", "call_id": call.call_id, "output": "noon"},
    ]
    assert create(client, input=items, tools=tools).status == "completed"


def test_a_tool_that_takes_a_text_is_called_with_the_text_and_answered(client: openai.OpenAI) -> None:
    grammar = {"type": "grammar", "syntax": "regex", "definition": "\\*\\*\\* Begin Patch\n[+]x"}
    tools: Any = [{"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": grammar}]
    asked: Any = {"input": "Add a line x.", "tools": tools, "tool_choice": {"type": "custom", "name": "apply_patch"}}
    made = create(client, **asked)
    (call,) = made.output
    assert (call.type, call.name, call.input) == ("custom_tool_call", "apply_patch", "*** Begin Patch\n+x")
    events = [*create(client, **asked, stream=True)]
    deltas = [event.delta for event in events if event.type == "response.custom_tool_call_input.delta"]
    assert "".join(deltas) == events[-1].response.output[0].input == call.input
    given: Any = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "Done!"}
    asked_again: list[Any] = [{"role": "user", "content": "Add a line x."}, call.model_dump(), given]
    for more in ({"input": asked_again}, {"input": [given], "previous_response_id": made.id}):
        again = create(client, **more, tools=tools)
        assert again.status == "completed"
        items = client.responses.input_items.list(again.id, order="asc").data
        assert [item.type for item in items] == ["message", "custom_tool_call", "custom_tool_call_output"]


def test_a_reference_stands_for_an_earlier_answer(client: openai.OpenAI) -> None:
    first = create(client, input="What is 1 + 2?")
    question, next_question = [{"role": "user", "content": f"What is {sum}?"} for sum in ("1 + 2", "2 + 2")]
    reference = {"type": "item_reference", "id": first.output[0].id}
    referring = create(client, input=[question, reference, next_question])
    assert referring.output_text == create(client, input=[question, *first.output, next_question]).output_text
    told = [item.to_dict()["content"] for item in client.responses.input_items.list(referring.id, order="asc")]
    said: Any = [parts[0]["text"] for parts in told if isinstance(parts, list)]
    assert said == ["What is 1 + 2?", first.output_text, "What is 2 + 2?"]
    for unknown in ("msg_x_0", f"{first.output[0].id}9", "x"):
        with pytest.raises(openai.NotFoundError) as missing:
            create(client, input=[question, {"type": "item_reference", "id": unknown}])
        assert missing.value.param == "input.1.id"


def test_what_the_package_makes_of_a_response_can_be_sent_back(client: openai.OpenAI) -> None:
    parsed = client.responses.parse(
        model="demo",
        input="What is the weather in Paris?",
        text_format=Weather,
        temperature=0,
        max_output_tokens=200,
        include=["message.output_text.logprobs"],
    )
    called = client.responses.parse(
        model="demo",
        input="What is the weather in Paris?",
        tools=[openai.pydantic_function_tool(City, name="get_weather")],
        tool_choice="required",
        temperature=0,
        max_output_tokens=200,
    )
    for made in (parsed, called):
        items: list[Any] = [
            {"role": "user", "content": "Hello"},
            *(item.model_dump(warnings=False) for item in made.output),
        ]
        assert create(client, input=items, max_output_tokens=5).output
        items[1:] = [item.to_dict(mode="json", warnings=False) for item in made.output]
        assert create(client, input=items, max_output_tokens=5).output
    assert parsed.output[0].model_dump(warnings=False)["content"][0]["parsed"] is not None
    assert called.output[0].model_dump()["parsed_arguments"] is not None


def test_arguments_are_streamed(client: openai.OpenAI) -> None:
    with client.responses.stream(
        model="demo", input="What is the weather in Paris?", tools=[WEATHER], temperature=0
    ) as stream:
        events = list(stream)
        final = stream.get_final_response()
    told = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta")
    (call,) = final.output
    assert isinstance(call, ResponseFunctionToolCall)
    assert json.loads(told) == json.loads(call.arguments) == {"city": "Paris"}


def test_a_function_can_be_required_or_forbidden(client: openai.OpenAI) -> None:
    named: Any = {"type": "function", "name": "get_weather"}
    for choice in ("required", named):
        made = create(client, input=SUM, tools=[WEATHER], tool_choice=choice, max_output_tokens=200)
        assert [item.type for item in made.output] == ["function_call"]
        assert made.tool_choice == choice or made.tool_choice.name == "get_weather"
    made = create(client, input="What is the weather in Paris?", tools=[WEATHER], tool_choice="none")
    assert [item.type for item in made.output] == ["message"]


def test_a_model_of_pydantics_is_parsed(client: openai.OpenAI) -> None:
    made = client.responses.parse(
        model="demo", input="What is the weather in Paris?", text_format=Weather, temperature=0, max_output_tokens=200
    )
    assert isinstance(made.output_parsed, Weather)


def test_logprobs_are_told_and_streamed_alike(client: openai.OpenAI) -> None:
    asked: Any = {"input": SUM, "include": ["message.output_text.logprobs"], "top_logprobs": 2}
    whole = create(client, **asked).output[0].content[0].logprobs
    assert b"".join(bytes(one.bytes) for one in whole).decode() == "12 + 7 = 19."
    assert all(len(one.top_logprobs) == 2 for one in whole)
    events = [event for event in create(client, **asked, stream=True) if event.type == "response.output_text.delta"]
    assert [one.token for event in events for one in event.logprobs] == [one.token for one in whole]


def test_a_response_goes_on_from_another(client: openai.OpenAI) -> None:
    first = create(client, input="What is the weather in Paris?", tools=[WEATHER], instructions="Be kind.")
    call = first.output[-1]
    second = create(
        client,
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}],
        tools=[WEATHER],
    )
    assert (second.output_text, second.previous_response_id) == ("It is sunny in Paris.", first.id)
    items = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    assert [item.type for item in items] == ["message", "function_call", "function_call_output"]
    third = create(client, previous_response_id=second.id, input=SUM)
    assert len(client.responses.input_items.list(third.id, limit=100).data) == 5


def test_a_response_in_the_background_is_polled(client: openai.OpenAI) -> None:
    made = create(client, input=SUM, background=True)
    assert made.status in ("queued", "in_progress", "completed"), "it is answered as it is, and may have ended already"
    assert made.background
    assert ended(client, made.id).output_text == "12 + 7 = 19."


@pytest.mark.parametrize("background", [True, False])
def test_a_broken_stream_is_resumed_where_it_broke(client: openai.OpenAI, background: bool) -> None:
    headers = {} if background else {"X-On-Disconnect": "continue"}
    asked: Any = {**STORY, "max_output_tokens": 150, "stream": True, "extra_headers": headers}
    with create(client, **asked, background=background) as stream:
        events = list(islice(stream, 12))
    response_id = events[0].response.id
    for count in (40, 1, 10_000):
        with client.responses.retrieve(response_id, stream=True, starting_after=events[-1].sequence_number) as stream:
            events += islice(stream, count)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.incomplete"
    assert events[-1].response == client.responses.retrieve(response_id)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text
    assert list(client.responses.retrieve(response_id, stream=True)) == events
    assert list(client.responses.retrieve(response_id, stream=True, starting_after=events[-1].sequence_number)) == []
    middle = len(events) // 2  # an engine that is ahead of its readers tells many tokens in one event
    with client.responses.stream(response_id=response_id, starting_after=middle) as rest:
        assert next(rest).sequence_number == middle + 1


def test_a_reader_that_goes_away_cancels_its_response_but_not_one_in_the_background(
    client: openai.OpenAI, cluster: Cluster
) -> None:
    for background in (False, True):
        most = 100 if background else 900
        with create(client, **STORY, max_output_tokens=most, stream=True, background=background) as stream:
            response_id = next(iter(stream)).response.id
        assert ended(client, response_id).status == ("incomplete" if background else "cancelled")


def test_a_background_response_is_cancelled_and_its_readers_are_told(client: openai.OpenAI) -> None:
    with create(client, **STORY, background=True, stream=True) as stream:
        response_id = next(iter(stream)).response.id
        assert client.responses.cancel(response_id).status == "cancelled"
        *_, last = stream
    assert (last.type, last.code) == ("error", "job_cancelled")
    assert client.responses.cancel(response_id).status == "cancelled"
    done = create(client, input=SUM, background=True)
    ended(client, done.id)
    assert client.responses.cancel(done.id).status == "completed"


def test_only_a_background_response_is_cancelled_by_name(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(create(client, input=SUM).id)


def test_a_deleted_response_is_gone_and_so_is_its_job(client: openai.OpenAI, cluster: Cluster) -> None:
    made = create(client, input=SUM)
    client.responses.delete(made.id)
    for call in (client.responses.retrieve, client.responses.cancel, client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            call(made.id)
    assert cluster.http.get(f"/jobs/{made.id.removeprefix('resp_')}").status_code == 404


def test_deleting_answers_as_openai_does(client: openai.OpenAI, cluster: Cluster) -> None:
    made = create(client, input=SUM)
    answer = cluster.http.delete(f"/v1/responses/{made.id}")
    assert answer.json() == {"id": made.id, "object": "response", "deleted": True}


def test_a_response_that_is_deleted_while_it_runs_ends_its_stream(client: openai.OpenAI) -> None:
    with create(client, **STORY, background=True, stream=True) as stream:
        response_id = next(iter(stream)).response.id
        client.responses.delete(response_id)
        *_, last = stream
    assert last.type == "error"
    assert last.code in ("job_cancelled", "job_not_found")  # deleting cancels it first


def test_what_is_not_stored_cannot_be_asked_for(client: openai.OpenAI) -> None:
    made = create(client, input=SUM, store=False)
    assert (made.output_text, made.store) == ("12 + 7 = 19.", False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError) as refused:
        create(client, input=SUM, previous_response_id=made.id)
    assert refused.value.param == "previous_response_id"


def test_a_response_that_was_cancelled_cannot_be_gone_on_from(client: openai.OpenAI) -> None:
    made = create(client, **STORY, background=True)
    with pytest.raises(openai.BadRequestError):
        create(client, input=SUM, previous_response_id=made.id)
    client.responses.cancel(made.id)
    with pytest.raises(openai.BadRequestError) as refused:
        create(client, input=SUM, previous_response_id=made.id)
    assert refused.value.param == "previous_response_id"


def test_errors_come_as_the_clients_exceptions(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        create(client, model="none", input=SUM)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as refused:
        create(client, input=SUM, tools=[{"type": "local_shell"}])
    assert refused.value.param == "tools.0"
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as long:
            create(client, input="word " * 3000, stream=stream)
        assert long.value.code == "context_length_exceeded"


def test_a_failure_in_the_background_is_told_by_the_response(client: openai.OpenAI) -> None:
    failed = ended(client, create(client, input="word " * 3000, background=True).id)
    assert failed.error is not None
    assert (failed.status, failed.error.code) == ("failed", "invalid_prompt")
    *_, last = client.responses.retrieve(failed.id, stream=True)
    assert last.type == "response.failed"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/responses/{}?stream=maybe", 400),
        ("/v1/responses/{}?starting_after=1", 400),
        ("/v1/responses/{}?stream=true&starting_after=x", 400),
        ("/v1/responses/{}?include=everything", 400),
        ("/v1/responses/{}/input_items?order=up", 400),
        ("/v1/responses/{}/input_items?after=x", 400),
        ("/v1/responses/resp_none", 404),
        ("/v1/responses/none", 404),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    client: openai.OpenAI, cluster: Cluster, path: str, status: int
) -> None:
    made = create(client, input=SUM)
    assert cluster.http.get(path.format(made.id)).status_code == status


def test_every_parameter_that_the_package_sends_with_a_query_is_taken(client: openai.OpenAI, cluster: Cluster) -> None:
    made = client.responses.create(model="demo", input=SUM)
    client.responses.retrieve(made.id, include=["message.output_text.logprobs"])
    assert list(client.responses.retrieve(made.id, stream=True, starting_after=0, include_obfuscation=False))
    items = client.responses.input_items.list(
        made.id, limit=1, order="asc", include=["reasoning.encrypted_content", "message.output_text.logprobs"]
    )
    assert len(items.data) == 1
    uploaded = client.files.create(file=("rows.jsonl", b"{}"), purpose="user_data")
    assert client.files.list(limit=1, order="desc", purpose="user_data").data == [uploaded]
    assert client.files.list(after=uploaded.id, limit=1, order="desc", purpose="user_data").data == []
    assert len(client.batches.list(limit=1).data) <= 1
    assert client.models.list().data


def test_a_parameter_that_a_call_does_not_know_is_the_packages_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Did you mean 'purpose'") as caught:
        client.files.list(extra_query={"pupose": "batch"})
    assert (caught.value.code, caught.value.param) == ("unknown_parameter", "pupose")


def test_a_chat_is_no_response(cluster: Cluster) -> None:
    job = cluster.submit({"model": "demo", "messages": [{"role": "user", "content": SUM}]})
    assert cluster.http.get(f"/v1/responses/resp_{job['id']}").status_code == 404


def test_the_job_of_a_response_shows_it_as_its_result(client: openai.OpenAI, cluster: Cluster) -> None:
    made = create(client, input=SUM)
    job = cluster.job(made.id.removeprefix("resp_"))
    assert (job["operation"], job["result"]["id"]) == ("response", made.id)


def test_the_same_key_is_answered_with_the_same_response(client: openai.OpenAI) -> None:
    key = {"Idempotency-Key": "response-1"}
    first, second = (create(client, input=SUM, extra_headers=key) for _ in range(2))
    assert first == second
    client.responses.delete(first.id)
    assert create(client, input=SUM, extra_headers=key).id != first.id
