"""The `openai` package, unmodified, against a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import openai
import pydantic
import pytest

from tests.support.cluster import Cluster
from tests.support.waiting import until


@pytest.fixture
def client(cluster: Cluster) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_a_chat_is_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "What is 12 + 7?"}])
    assert answer.choices[0].message.content == "12 + 7 = 19."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 21


def test_a_chat_streams_its_role_its_text_its_end_and_its_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="demo",
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Count to 9."},
        ],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


def test_a_completion_is_answered_and_streamed_alike(client: openai.OpenAI) -> None:
    prompt = "<|im_start|>user\nTell me a story about a fox.<|im_end|>\n<|im_start|>assistant\n"
    whole = client.completions.create(model="demo", prompt=prompt, max_tokens=40, temperature=0)
    stream = client.completions.create(model="demo", prompt=prompt, max_tokens=40, temperature=0, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text
    assert whole.choices[0].finish_reason == "length"


def test_a_stop_string_ends_the_text_before_it(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="demo", messages=[{"role": "user", "content": "Count to 12."}], stop=[", 7"], temperature=0
    )
    assert answer.choices[0].message.content == "1, 2, 3, 4, 5, 6"


def test_errors_come_as_the_clients_exceptions(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="none", messages=[{"role": "user", "content": "x"}])
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "x"}], temperature=9)
    assert refused.value.param == "temperature"


def test_a_job_that_has_ended_is_not_asked_for_again(cluster: Cluster) -> None:
    """By default the client sends what got a 409 twice more."""
    headers, asked = {"Idempotency-Key": "no-retry"}, []
    hooks = {"request": [lambda request: asked.append(request.url)]}
    with (
        openai.DefaultHttpxClient(event_hooks=hooks) as http,
        openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", http_client=http) as client,
    ):
        messages: Any = [{"role": "user", "content": "Hello"}]
        client.chat.completions.create(model="demo", messages=messages, extra_headers=headers)
        with pytest.raises(openai.ConflictError):
            client.chat.completions.create(model="demo", messages=messages, seed=1, extra_headers=headers)
    assert len(asked) == 2


def test_null_asks_for_nothing_and_other_names_are_told_ours(client: openai.OpenAI) -> None:
    def ask(**more: Any) -> Any:
        messages: Any = [{"role": "user", "content": "Hello"}]
        return client.chat.completions.create(model="demo", messages=messages, extra_body=more, max_tokens=2)

    assert ask(functions=None, max_tokens=-1, top_k=-1).choices
    with pytest.raises(openai.BadRequestError, match="Use max_tokens"):
        ask(max_new_tokens=5)


def test_what_clients_send_by_a_switch_is_taken_and_what_comes_to_nothing_is_named(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="demo",
        messages=[{"role": "user", "content": "What is 12 + 7?"}],
        temperature=0,
        reasoning_effort="low",
        verbosity="low",
        store=True,
        service_tier="flex",
        prompt_cache_retention="24h",
        stream_options=None,
        extra_body={"repetition_penalty": 1.0},
    )
    answer = raw.parse()
    assert raw.headers["X-Unused-Parameters"] == "store, verbosity, prompt_cache_retention"
    assert (answer.choices[0].message.content, answer.service_tier) == ("12 + 7 = 19.", "flex")


def test_a_call_has_vllms_priority_and_a_timeout_of_the_servers(client: openai.OpenAI, cluster: Cluster) -> None:
    hello: Any = [{"role": "user", "content": "Hello"}]
    raw = client.chat.completions.with_raw_response.create(
        model="demo", messages=hello, max_tokens=1, extra_body={"priority": -1, "timeout": 60}
    )
    assert cluster.job(raw.headers["X-Job-Id"])["priority"] == "high"
    raw = client.chat.completions.with_raw_response.create(
        model="demo", messages=hello, max_tokens=1, extra_headers={"X-Priority": "low"}
    )
    assert cluster.job(raw.headers["X-Job-Id"])["priority"] == "low"


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_cannot_end_in_time_is_told_so(client: openai.OpenAI, stream: bool) -> None:
    asked: Any = {"model": "demo", "messages": [{"role": "user", "content": "Tell me a long story."}]}

    def ask() -> None:
        late = {"timeout": 0.01, "ignore_eos": True, "n": 8}
        list(client.chat.completions.create(**asked, stream=stream, extra_body=late))

    with pytest.raises(openai.APIError, match=r"did not end within its timeout of 0\.01 seconds") as caught:
        ask()
    assert caught.value.code == "deadline_exceeded"


def test_nothing_is_named_when_everything_is_done(client: openai.OpenAI, cluster: Cluster) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="demo",
        messages=[{"role": "user", "content": "Hello"}],
        service_tier="priority",
        store=False,
        max_tokens=1,
    )
    assert "X-Unused-Parameters" not in raw.headers
    assert cluster.job(raw.headers["X-Job-Id"])["priority"] == "high"


def test_every_chunk_has_the_counts_so_far_if_that_is_asked_for(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True, "continuous_usage_stats": True, "include_obfuscation": True}
    chunks = list(
        client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": "Count to 9."}],
            temperature=0,
            stream=True,
            stream_options=options,
        )
    )
    counted = [chunk.usage for chunk in chunks]
    assert all(counted)
    tokens = [usage.completion_tokens for usage in counted if usage]
    assert tokens == sorted(tokens)
    last, final = counted[-2:]
    assert last
    assert final
    assert {usage.prompt_tokens for usage in counted if usage} == {final.prompt_tokens}
    assert last.completion_tokens == final.completion_tokens


class Weather(pydantic.BaseModel):
    city: str


def test_what_the_package_makes_of_a_chat_can_be_sent_back(client: openai.OpenAI) -> None:
    asked: Any = {"model": "demo", "messages": [{"role": "user", "content": "What is the weather in Paris?"}]}
    parsed = client.chat.completions.parse(**asked, response_format=Weather, max_tokens=200, temperature=0)
    called = client.chat.completions.parse(
        **asked,
        tools=[openai.pydantic_function_tool(Weather, name="get_weather")],
        tool_choice="required",
        max_tokens=200,
        temperature=0,
    )
    call = (called.choices[0].message.tool_calls or [])[0]
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    for message, after in ((parsed.choices[0].message, []), (called.choices[0].message, [result])):
        for dumped in (message.model_dump(warnings=False), message.to_dict(warnings=False)):
            back: Any = [*asked["messages"], dumped, *after, {"role": "user", "content": "Hello"}]
            assert client.chat.completions.create(model="demo", messages=back, max_tokens=2).choices
    assert parsed.choices[0].message.model_dump(warnings=False)["parsed"] is not None
    assert call.function.model_dump()["parsed_arguments"] is not None


def test_a_benchmark_client_finds_the_server_healthy(cluster: Cluster) -> None:
    assert cluster.http.get("/health").json() == {"status": "ok"}


def test_an_address_without_v1_is_as_good(cluster: Cluster) -> None:
    with openai.OpenAI(base_url=cluster.url, api_key="none") as client:
        answer = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "What is 12 + 7?"}])
        assert answer.choices[0].message.content == "12 + 7 = 19."


def test_answers_tell_llama_servers_timings_and_streams_do_at_their_end(
    client: openai.OpenAI, cluster: Cluster
) -> None:
    for path, asked in (
        ("/v1/completions", {"prompt": "The capital of", "max_tokens": 4}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Count to 12."}], "max_tokens": 4}),
    ):
        whole = cluster.http.post(path, json=asked).json()
        assert whole["timings"]["predicted_n"] == whole["usage"]["completion_tokens"] == 4
        for options in ({}, {"stream_options": {"include_usage": True}}):
            text = cluster.http.post(path, json={**asked, "stream": True, **options}).text
            *before, last, done = [
                line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")
            ]
            assert done == "[DONE]"
            assert json.loads(last)["timings"]["predicted_n"] == 4
            assert not any("timings" in json.loads(each) for each in before)


def test_verbose_tells_the_prompt_and_its_settings(cluster: Cluster) -> None:
    asked = {"messages": [{"role": "user", "content": "What is 12 + 7?"}], "top_k": 3, "temperature": 0}
    told = cluster.http.post("/v1/chat/completions", json={**asked, "verbose": True}).json()["__verbose"]
    assert told["prompt"] == cluster.http.post("/apply-template", json={"messages": asked["messages"]}).json()["prompt"]
    assert (told["generation_settings"]["top_k"], told["content"]) == (3, "12 + 7 = 19.")
    assert "__verbose" not in cluster.http.post("/v1/chat/completions", json=asked).json()


def test_every_answer_names_its_job(client: openai.OpenAI, cluster: Cluster) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="demo", messages=[{"role": "user", "content": "Hello"}]
    )
    assert cluster.job(raw.headers["X-Job-Id"])["status"] == "succeeded"


def test_a_reader_that_goes_away_cancels_its_job(client: openai.OpenAI, cluster: Cluster) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="demo",
        messages=[{"role": "user", "content": "Tell me a long story about a bear."}],
        stream=True,
        extra_body={"ignore_eos": True, "max_tokens": 1000, "n": 16},
    ) as response:
        job_id = response.headers["X-Job-Id"]
        next(response.iter_lines())
    until(lambda: cluster.job(job_id)["status"] == "cancelled", what="the job is cancelled")


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["demo"]
    assert client.models.retrieve("demo").owned_by == "caravan"


def test_a_reader_with_a_key_may_go_away_and_take_its_job_up_again(client: openai.OpenAI, cluster: Cluster) -> None:
    def ask() -> openai.Stream[openai.types.chat.ChatCompletionChunk]:
        return client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": "Tell me a long story about a goat."}],
            stream=True,
            extra_headers={"Idempotency-Key": "goat"},
            extra_body={"ignore_eos": True, "max_tokens": 900},
        )

    first = ask()
    next(iter(first))
    first.close()
    chunks = list(ask())
    assert chunks[-1].choices[0].finish_reason == "length"


WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "degrees": {"enum": list(range(-9, 40))}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


def test_an_answer_meets_its_schema(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="demo",
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        response_format={"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER, "strict": True}},
        max_tokens=200,
    )
    assert answer.choices[0].finish_reason == "stop"
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), WEATHER)


def test_a_schema_that_is_not_supported_is_a_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": "x"}],
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"uniqueItems": True}}},
        )
    assert refused.value.param == "response_format"
    assert "uniqueItems" in refused.value.message


def test_logprobs_are_told_and_streamed_alike(client: openai.OpenAI) -> None:
    def ask(*, stream: bool) -> Any:
        return client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": "What is 12 + 7?"}],
            temperature=0,
            logprobs=True,
            top_logprobs=2,
            stream=stream,
        )

    whole = ask(stream=False).choices[0].logprobs.content
    assert b"".join(bytes(one.bytes) for one in whole).decode() == "12 + 7 = 19."
    assert all(len(one.top_logprobs) == 2 and one.logprob == one.top_logprobs[0].logprob for one in whole)
    chunks = [chunk.choices[0] for chunk in ask(stream=True) if chunk.choices]
    streamed = [one for choice in chunks if choice.logprobs for one in choice.logprobs.content]
    assert [(one.token, one.bytes) for one in streamed] == [(one.token, one.bytes) for one in whole]


def test_a_completion_tells_logprobs_in_its_own_form(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="demo", prompt="1, 2, 3,", max_tokens=4, temperature=0, logprobs=1)
    told = answer.choices[0].logprobs
    assert told is not None
    assert told.tokens is not None
    assert "".join(told.tokens) == answer.choices[0].text


def test_a_bias_changes_the_answer(client: openai.OpenAI) -> None:
    def ask(**more: Any) -> str:
        messages: list[Any] = [{"role": "user", "content": "What is 12 + 7?"}]
        answer = client.chat.completions.create(model="demo", messages=messages, temperature=0, **more)
        return answer.choices[0].message.content or ""

    with pytest.raises(openai.BadRequestError) as refused:
        ask(logit_bias={"999999": 1})
    assert refused.value.param == "logit_bias"
    assert ask(logit_bias={str(token): -100 for token in range(800, 900)}, max_tokens=8) != ask(max_tokens=8)
