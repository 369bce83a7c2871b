"""Request bodies: what is refused, and what becomes of what is not."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.bodies.job import JobBody
from app.bodies.llama_parameters import LlamaParameters
from app.bodies.sampling import SamplingBody
from app.bodies.urgency import Urgency
from app.endpoints.jobs.body import ChatJobBody, CompletionJobBody
from app.endpoints.openai.chat_body import ChatBody, Message
from app.endpoints.openai.completion_body import OPENAI_DEFAULT_MAX_TOKENS, CompletionBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from app.endpoints.openai.responses.body import ResponseBody
from app.http.errors import from_validation
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.sampling import MAX_SEED, SamplingParams

ENTRY = ModelEntry(path="x", context=100, kv_tokens=100)
HELLO = [{"role": "user", "content": "Hello"}]
NAN, INFINITY = float("nan"), float("inf")


def chat(**fields: Any) -> ChatBody:
    return ChatBody.model_validate({"model": "demo", "messages": HELLO, **fields})


def completion(**fields: Any) -> CompletionBody:
    return CompletionBody.model_validate({"model": "demo", "prompt": "Hello", **fields})


def refusal(schema: type[BaseModel], body: dict[str, Any]) -> InvalidRequest:
    with pytest.raises(ValidationError) as caught:
        schema.model_validate(body)
    return from_validation(caught.value)


# -- what is refused

BAD_SAMPLING: list[tuple[str, Any]] = [
    ("model", "x" * 257),
    ("model", 7),
    ("max_tokens", -2),
    ("max_tokens", 1.5),
    ("max_tokens", "5"),
    ("max_tokens", True),
    ("temperature", -0.1),
    ("temperature", 2.1),
    ("temperature", "1"),
    ("temperature", NAN),
    ("temperature", INFINITY),
    ("top_k", -2),
    ("top_k", 1_000_001),
    ("top_p", 0),
    ("top_p", 1.1),
    ("min_p", -0.1),
    ("min_p", 1.1),
    ("typical_p", 0),
    ("typical_p", 1.1),
    ("repeat_penalty", 0),
    ("repeat_penalty", 1e-320),
    ("repeat_penalty", 10.1),
    ("presence_penalty", -2.1),
    ("presence_penalty", 2.1),
    ("frequency_penalty", -2.1),
    ("frequency_penalty", 2.1),
    ("seed", -2),
    ("seed", MAX_SEED + 1),
    ("seed", "1"),
    ("ignore_eos", "yes"),
    ("n", 0),
    ("n", 129),
    ("user", "x" * 513),
    ("user", 5),
    ("stream", "true"),
    ("stream_options", True),
]
BAD_CHAT: list[tuple[str, Any]] = [
    ("max_tokens", 0),
    ("messages", []),
    ("messages", "Hello"),
    ("messages", None),
    ("max_completion_tokens", 0),
]
BAD_ENVELOPE: list[tuple[str, Any]] = [
    ("priority", "urgent"),
    ("timeout", 0),
    ("timeout", -1),
    ("timeout", 7 * 86_400 + 1),
    ("timeout", INFINITY),
    ("timeout", "10"),
    ("metadata", []),
    ("metadata", {str(number): "x" for number in range(17)}),
]


@pytest.mark.parametrize(("field", "value"), BAD_SAMPLING + BAD_CHAT)
def test_a_bad_field_of_a_chat_is_refused_by_name(field: str, value: Any) -> None:
    error = refusal(ChatBody, {"model": "demo", "messages": HELLO, field: value})
    assert (error.param, error.code) == (field, "invalid_value")
    assert error.message.startswith(f"{field}: ")


@pytest.mark.parametrize(("field", "value"), [*BAD_SAMPLING, ("prompt", ""), ("prompt", 5), ("prompt", None)])
def test_a_bad_field_of_a_completion_is_refused_by_name(field: str, value: Any) -> None:
    error = refusal(CompletionBody, {"model": "demo", "prompt": "Hello", field: value})
    assert (error.param, error.code) == (field, "invalid_value")


@pytest.mark.parametrize(("field", "value"), BAD_SAMPLING + BAD_CHAT + BAD_ENVELOPE)
def test_a_bad_field_of_a_chat_job_is_refused_by_name(field: str, value: Any) -> None:
    error = refusal(ChatJobBody, {"model": "demo", "messages": HELLO, field: value})
    assert (error.param, error.code) == (field, "invalid_value")


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"content": "Hello"}, "messages.1.role"),
        ({"role": "robot", "content": "Hello"}, "messages.1.role"),
        ({"role": "user", "content": 5}, "messages.1.content"),
        ({"role": "user", "content": []}, "messages.1.content"),
        ({"role": "user", "content": "Hello", "name": "x" * 65}, "messages.1.name"),
        ({"role": "tool", "content": "Hello", "tool_call_id": "x" * 129}, "messages.1.tool_call_id"),
        ("Hello", "messages.1"),
    ],
)
def test_a_bad_message_is_refused_by_its_place(message: Any, param: str) -> None:
    error = refusal(ChatBody, {"model": "demo", "messages": [*HELLO, message]})
    assert error.param == param


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "refusal", "refusal": "I cannot."}]},
        {"content": None, "refusal": "I cannot."},
        {"content": [{"type": "text", "text": "No."}, {"type": "refusal", "refusal": "I cannot."}]},
        {"content": "I cannot.", "refusal": None},
    ],
)
def test_a_refusal_is_what_the_assistant_said(message: dict[str, Any]) -> None:
    made = chat(messages=[*HELLO, {"role": "assistant", **message}, *HELLO]).request(ENTRY)["messages"]
    assert made[1]["role"] == "assistant"
    assert made[1]["content"].splitlines()[-1] == "I cannot."


@pytest.mark.parametrize(
    "part", [{"type": "refusal"}, {"type": "refusal", "refusal": 5}, {"type": "refusal", "text": "x"}]
)
def test_a_refusal_without_its_words_is_refused_by_its_place(part: dict[str, Any]) -> None:
    message = {"role": "assistant", "content": [part]}
    assert str(refusal(ChatBody, {"model": "demo", "messages": [message]}).param).startswith("messages.0.content.0.")


def test_nobody_but_the_assistant_refuses() -> None:
    message = {"role": "user", "content": [{"type": "refusal", "refusal": "I cannot."}]}
    with pytest.raises(InvalidRequest) as refused:
        chat(messages=[message]).request(ENTRY)
    assert refused.value.param == "messages.0.content"


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user"}, "messages.1.content"),
        ({"role": "user", "content": None}, "messages.1.content"),
        ({"role": "assistant"}, "messages.1.content"),
        ({"role": "user", "content": "x", "tool_calls": [CALL]}, "messages.1.tool_calls"),
    ],
)
def test_a_message_that_says_nothing_of_its_own_is_refused(message: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chat(messages=[*HELLO, message]).request(ENTRY)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "data:"}}],
        [{"type": "text"}],
        [{"type": "text", "text": 5}],
        [{"type": "text", "text": "a", "colour": "red"}],
    ],
)
def test_a_part_that_is_not_plain_text_is_refused(content: Any) -> None:
    error = refusal(ChatBody, {"model": "demo", "messages": [{"role": "user", "content": content}]})
    assert str(error.param).startswith("messages.0.content")


@pytest.mark.parametrize(
    "value", ["", "x" * 257, 5, [""], ["x" * 257], [5], ["x"] * 17, {"a": "b"}], ids=lambda value: repr(value)[:12]
)
def test_bad_stop_strings_are_refused(value: Any) -> None:
    error = refusal(ChatBody, {"model": "demo", "messages": HELLO, "stop": value})
    assert str(error.param).startswith("stop")


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("messages", ChatBody),
        ("prompt", CompletionBody),
    ],
)
def test_a_field_that_must_be_there_is_missed_by_name(field: str, schema: type[BaseModel]) -> None:
    body = {"model": "demo", "messages" if schema is ChatBody else "prompt": HELLO if schema is ChatBody else "Hello"}
    del body[field]
    assert refusal(schema, body).param == field


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"colour": "red"}, "colour"),
        ({"max_attempts": 2}, "max_attempts"),
        ({"stream_options": {"colour": "red"}}, "stream_options.colour"),
        ({"messages": [{"role": "user", "content": "Hello", "colour": "red"}]}, "messages.0.colour"),
    ],
)
def test_a_parameter_that_is_not_known_is_refused_and_not_ignored(change: dict[str, Any], param: str) -> None:
    error = refusal(ChatBody, {"model": "demo", "messages": HELLO, **change})
    assert (error.param, error.code) == (param, "unknown_parameter")
    assert f"'{param}'" in error.message


def test_the_first_of_many_faults_is_told() -> None:
    error = refusal(ChatBody, {"model": "demo", "messages": HELLO, "temperature": 9, "top_p": 9})
    assert error.param == "temperature"
    assert "top_p" not in error.message


def test_metadata_keys_and_values_have_a_length() -> None:
    for metadata in ({"k" * 65: "x"}, {"k": "x" * 513}, {"k": 5}):
        error = refusal(ChatJobBody, {"model": "demo", "messages": HELLO, "metadata": metadata})
        assert str(error.param).startswith("metadata.k")


# -- what is taken


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"top_k": 0},
        {"top_p": 1},
        {"min_p": 0},
        {"presence_penalty": -2},
        {"seed": MAX_SEED},
        {"n": 128},
        {"stop": None},
        {"stop": []},
        {"stop": ["x" * 256] * 16},
        {"max_tokens": 100},
        {"user": "someone"},
        {"stream": False, "stream_options": None},
    ],
)
def test_the_limits_themselves_are_allowed(fields: dict[str, Any]) -> None:
    chat(**fields).sampling(ENTRY)
    completion(**fields).sampling(ENTRY)


def test_a_developer_is_the_templates_system() -> None:
    said = [{"role": role, "content": "a"} for role in ("system", "developer", "user", "assistant", "tool")]
    roles = [message["role"] for message in chat(messages=said).request(ENTRY)["messages"]]
    assert roles == ["system", "system", "user", "assistant", "tool"]


def test_text_parts_are_lines() -> None:
    parts = [{"type": "text", "text": "What is"}, {"type": "text", "text": "12 + 7?"}]
    (message,) = chat(messages=[{"role": "user", "content": parts}]).request(ENTRY)["messages"]
    assert message == {"role": "user", "content": "What is\n12 + 7?"}


def test_a_message_keeps_name_and_tool_call_id() -> None:
    sent = {"role": "tool", "content": "sunny", "name": "weather", "tool_call_id": "c1"}
    assert Message.model_validate(sent).payload() == sent


def test_a_prompt_is_passed_on() -> None:
    for given, kept in [("Once", ["Once"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2]], [[1], [2]])]:
        assert completion(prompt=given).request(ENTRY)["prompt"] == kept


def test_a_temperature_too_low_to_divide_by_is_greedy() -> None:
    assert chat(temperature=1e-40).sampling(ENTRY).greedy
    assert not chat(temperature=0.01).sampling(ENTRY).greedy


def test_tools_reach_the_worker_as_functions() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    request = chat(tools=[{"type": "function", "function": function}], parallel_tool_calls=False).request(ENTRY)
    assert request["tools"] == [function]
    assert request["parallel_tool_calls"] is False
    assert "tool_choice" not in request
    named = {"type": "function", "function": {"name": "f"}}
    request = chat(tools=[{"type": "function", "function": function}], tool_choice=named).request(ENTRY)
    assert request["tool_choice"] == {"name": "f"}


UNFOLLOWED = {"type": "object", "properties": {"email": {"type": "string", "pattern": "^(?!x)y$"}}}


def tools(strict: bool | None) -> list[dict[str, Any]]:
    """Two tools, of which the schema of one cannot be followed."""
    invite = {"name": "invite", "parameters": UNFOLLOWED, "strict": strict}
    return [{"type": "function", "function": function} for function in ({"name": "now"}, invite)]


def test_only_a_strict_tool_that_the_model_may_call_is_judged() -> None:
    now = {"type": "function", "function": {"name": "now"}}
    for strict in (None, False):
        assert len(chat(tools=tools(strict)).request(ENTRY)["tools"]) == 2
    for choice in ("none", now):
        assert chat(tools=tools(True), tool_choice=choice).request(ENTRY)
    invite = {"type": "function", "function": {"name": "invite"}}
    for told in (None, "auto", "required", invite):
        with pytest.raises(
            InvalidRequest, match=r"'invite' cannot be followed: 'pattern' at #/properties/email: .*look"
        ):
            chat(tools=tools(True), tool_choice=told).request(ENTRY)


def test_an_answer_may_be_sent_back_as_it_came() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    nothing = {"refusal": None, "annotations": None, "audio": None, "function_call": None}
    sent = {"role": "assistant", "content": None, "tool_calls": [{**call, "index": 0}], **nothing}
    assert Message.model_validate(sent).payload() == {"role": "assistant", "content": "", "tool_calls": [call]}


SAMPLING: dict[str, Any] = {
    "max_tokens": 9,
    "temperature": 0.5,
    "top_k": 7,
    "top_p": 0.6,
    "min_p": 0.1,
    "typical_p": 0.9,
    "repeat_penalty": 1.2,
    "presence_penalty": 0.3,
    "frequency_penalty": -0.4,
    "seed": 12,
    "repeat_last_n": -1,
    "dry_multiplier": 0.8,
    "dry_base": 1.5,
    "dry_allowed_length": 3,
    "dry_penalty_last_n": 100,
    "top_n_sigma": 1.5,
    "xtc_probability": 0.5,
    "xtc_threshold": 0.2,
    "dynatemp_range": 0.3,
    "dynatemp_exponent": 1.1,
    "ignore_eos": True,
    "n": 3,
}
NO_SAMPLING = {
    *JobBody.model_fields,
    *Urgency.model_fields,
    *LlamaParameters.model_fields,
    *("n_predict", "repetition_penalty", "user", "store", "service_tier", "stream", "stream_options", "adapter"),
    *("json_schema", "response_format"),  # they are ways to say a grammar
}


def test_every_sampling_field_reaches_the_worker() -> None:
    made = chat(**SAMPLING, stop=["a", "b"], logit_bias={"5": 1, "x": 2}).sampling(ENTRY)
    biases: dict[str, Any] = {"logit_bias": ((5, 1.0),), "text_bias": (("x", 2.0),)}
    assert made == SamplingParams(**SAMPLING, stop=("a", "b"), **biases, seeded=True)
    untouched = {field.name for field in fields(made) if getattr(made, field.name) == field.default}
    assert untouched == {"grammar", "logprobs", "prompt_logprobs", "logprob_ids", "logprobs_as_sampled"}, (
        "the test has a value for every other one"
    )


def test_what_a_body_says_of_sampling_and_what_a_worker_goes_by_have_the_same_names() -> None:
    beside = {
        "logprobs",
        "prompt_logprobs",
        "logprob_ids",
        "logprobs_as_sampled",
        "seeded",
    }  # which each call asks for in a way of its own
    beside |= {"text_bias"}  # which is a part of logit_bias
    assert set(SamplingBody.model_fields) - NO_SAMPLING == {field.name for field in fields(SamplingParams)} - beside


def test_what_is_left_out_or_null_is_the_default() -> None:
    default = SamplingParams(seed=1, seeded=True)
    assert chat(seed=1).sampling(ENTRY) == default
    assert chat(seed=1, temperature=None, top_k=None, stop=None, n=None).sampling(ENTRY) == default


@pytest.mark.parametrize(
    ("stop", "stops"), [("END", ("END",)), (["a", "b"], ("a", "b")), ([], ()), (None, ())], ids=repr
)
def test_stop_is_a_string_or_a_list(stop: Any, stops: tuple[str, ...]) -> None:
    assert chat(stop=stop).sampling(ENTRY).stop == stops


@pytest.mark.parametrize("fields", [{}, {"seed": None}, {"seed": -1}])
def test_without_a_seed_each_job_gets_a_new_one(fields: dict[str, Any]) -> None:
    seeds = {chat(**fields).sampling(ENTRY).seed for _ in range(8)}
    assert len(seeds) == 8
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


def test_a_seed_that_is_given_is_kept() -> None:
    assert chat(seed=0).sampling(ENTRY).seed == 0
    assert chat(seed=42).sampling(ENTRY).seed == 42


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_limit_beyond_the_context_is_taken_since_the_context_ends_the_answer_anyway(field: str) -> None:
    assert chat(**{field: 4096}).sampling(ENTRY).max_tokens == 4096


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_minus_one_is_no_limit_though_there_is_a_default(field: str) -> None:
    assert chat(**{field: -1}).sampling(ENTRY).max_tokens is None
    assert completion(max_tokens=-1).sampling(ENTRY).max_tokens is None
    assert completion(max_tokens=None).sampling(ENTRY).max_tokens == OPENAI_DEFAULT_MAX_TOKENS


def test_the_newer_name_of_the_limit_goes_before_the_older() -> None:
    assert chat(max_tokens=5, max_completion_tokens=6).sampling(ENTRY).max_tokens == 6


def test_a_chat_goes_on_to_its_end_unless_it_is_limited() -> None:
    assert chat().sampling(ENTRY).max_tokens is None


def test_logprobs_of_an_echo_are_those_of_the_prompt_too() -> None:
    for asked, expected in (({"echo": True, "logprobs": 0}, True), ({"echo": True}, False), ({"logprobs": 1}, False)):
        request = completion(**asked, max_tokens=0).request(ENTRY)
        assert SamplingParams.decode(request["sampling"]).prompt_logprobs is expected
        assert request["sampling"]["max_tokens"] == 0


def test_a_completion_has_openais_limit_unless_it_is_a_job() -> None:
    job = CompletionJobBody.model_validate({"model": "demo", "prompt": "Once"})
    assert completion().sampling(ENTRY).max_tokens == OPENAI_DEFAULT_MAX_TOKENS == 16
    assert job.sampling(ENTRY).max_tokens is None
    assert completion(max_tokens=20).sampling(ENTRY).max_tokens == 20


@pytest.mark.parametrize(
    ("options", "wanted"),
    [(None, False), ({}, False), ({"include_usage": False}, False), ({"include_usage": True}, True)],
)
def test_usage_comes_with_a_stream_when_it_is_asked_for(options: Any, wanted: bool) -> None:
    asked = chat(stream=True, stream_options=options).stream_options
    assert bool(asked and asked.include_usage) is wanted


def test_vllms_name_of_the_penalty_is_taken() -> None:
    assert chat(repetition_penalty=1.25).sampling(ENTRY).repeat_penalty == 1.25
    assert chat(repetition_penalty=1.25, repeat_penalty=1.25).sampling(ENTRY).repeat_penalty == 1.25
    with pytest.raises(InvalidRequest, match="another name of repeat_penalty"):
        chat(repetition_penalty=1.25, repeat_penalty=1.5).sampling(ENTRY)


def test_a_job_says_how_it_is_to_be_treated() -> None:
    treated = {"priority": "high", "timeout": 30, "metadata": {"batch": "7"}}
    body = ChatJobBody.model_validate({"model": "demo", "messages": HELLO, **treated})
    assert (body.priority, body.timeout, body.metadata) == ("high", 30.0, {"batch": "7"})


@pytest.mark.parametrize(
    ("sent", "read"),
    [(-(10**30), "high"), (-1, "high"), (-1.0, "high"), (0, None), (1, "low"), (10**30, "low"), ("low", "low")],
)
@pytest.mark.parametrize("schema", [ChatBody, ChatJobBody, CompletionBody, EmbeddingBody, ResponseBody])
def test_a_number_is_a_priority_as_vllm_has_it(schema: type[BaseModel], sent: Any, read: str | None) -> None:
    asked = {ChatBody: "messages", ChatJobBody: "messages", CompletionBody: "prompt"}.get(schema, "input")
    body = schema.model_validate({"model": "demo", asked: HELLO if asked == "messages" else "x", "priority": sent})
    assert body.priority == read  # type: ignore[attr-defined]


@pytest.mark.parametrize("sent", [True, False, 0.5, "0", "HIGH", [], ""])
def test_what_is_no_priority_is_refused(sent: Any) -> None:
    assert refusal(ChatBody, {"model": "demo", "messages": HELLO, "priority": sent}).param == "priority"


def test_a_job_says_of_its_urgency_nothing_unless_asked() -> None:
    body = ChatJobBody.model_validate({"model": "demo", "messages": HELLO})
    assert (body.priority, body.timeout, body.metadata) == (None, None, None)


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("stop", 5, "stop"),
        ("stop", ["a", ""], "stop.1"),
        ("stop", ["a"] * 17, "stop"),
        ("messages", [{"role": "user", "content": 5}], "messages.0.content"),
        ("messages", [{"role": "user", "content": [{"type": "image_url"}]}], "messages.0.content.0.type"),
    ],
)
def test_a_value_of_two_forms_is_refused_at_its_place(field: str, value: Any, param: str) -> None:
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}], field: value}
    assert refusal(ChatBody, body).param == param


# -- constraints, bias, logprobs

ANY_OBJECT = {"type": "object"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"json_schema": ANY_OBJECT, "grammar": 'root ::= "x"'}, "grammar"),
        ({"json_schema": ANY_OBJECT, "response_format": {"type": "json_object"}}, "json_schema"),
        ({"json_schema": ANY_OBJECT, "ignore_eos": True}, "json_schema"),
        ({"json_schema": {"uniqueItems": True}}, "json_schema"),
        ({"grammar": "root ::= ((("}, "grammar"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"top_logprobs": 3, "logprobs": False}, "top_logprobs"),
    ],
)
def test_constraints_that_cannot_be_followed_name_their_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chat(**fields).sampling(ENTRY)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("logit_bias", {"12": 101}),
        ("logit_bias", {"": 0}),
        ("logit_bias", {str(token): 1 for token in range(1025)}),
        ("logit_bias", [[1, 2, 3]]),
        ("logprobs", 3),
        ("top_logprobs", 21),
        ("grammar", ""),
        ("json_schema", "{}"),
        ("response_format", {"type": "xml"}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x"}}),
    ],
)
def test_a_constraint_of_the_wrong_form_is_refused(field: str, value: Any) -> None:
    refused = refusal(ChatBody, {"model": "demo", "messages": HELLO, field: value})
    assert refused.param is not None
    assert refused.param.startswith(field)


def test_every_way_to_ask_for_json_makes_a_grammar() -> None:
    asked: list[dict[str, Any]] = [
        {"json_schema": ANY_OBJECT},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": ANY_OBJECT}}},
    ]
    assert len({chat(**fields).sampling(ENTRY).grammar for fields in asked}) == 1
    assert chat(response_format={"type": "text"}).sampling(ENTRY).grammar is None


def test_bias_and_logprobs_reach_the_sampler() -> None:
    params = chat(logit_bias={"5": -100, "7": 1.5}, logprobs=True, top_logprobs=2).sampling(ENTRY)
    assert params.logit_bias == ((5, -100.0), (7, 1.5))
    assert params.logprobs == 2
    assert chat(logprobs=True).sampling(ENTRY).logprobs == 0
    assert completion(logprobs=4).sampling(ENTRY).logprobs == 4
    assert SamplingParams.decode(params.encode()) == params


def test_what_a_request_leaves_out_is_as_the_models_entry_says() -> None:
    entry = ModelEntry.model_validate(
        {
            "path": "demo",
            "sampling": {"temperature": 0.5, "repeat_penalty": 1.1, "max_tokens": 9, "seed": 7},
            "chat_template_kwargs": {"enable_thinking": False, "tone": "dry"},
        }
    )
    made = chat(top_p=0.5).sampling(entry)
    assert made == SamplingParams(temperature=0.5, top_p=0.5, repeat_penalty=1.1, max_tokens=9, seed=7, seeded=True)
    other = chat(temperature=1, repetition_penalty=1.3, max_tokens=-1, seed=8).sampling(entry)
    assert other == SamplingParams(temperature=1, repeat_penalty=1.3, seed=8, seeded=True)
    assert completion().sampling(entry).max_tokens == 9
    variables = chat(chat_template_kwargs={"tone": "warm"}).request(entry)["template_variables"]
    assert variables == {"enable_thinking": False, "tone": "warm"}
    assert chat(reasoning_effort="low").request(entry)["template_variables"]["enable_thinking"] is True


BEGUN: list[dict[str, Any]] = [*HELLO, {"role": "assistant", "content": "Hi, I"}]
CALLED = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("fields", "continues"),
    [
        ({"messages": BEGUN}, True),
        ({"messages": BEGUN, "continue_final_message": True, "add_generation_prompt": False}, True),
        ({"messages": BEGUN, "continue_final_message": False}, None),
        ({"messages": BEGUN, "add_generation_prompt": True}, None),
        ({"messages": HELLO}, None),
        ({"messages": BEGUN[1:]}, None),
        ({"messages": [*HELLO, {"role": "assistant", "tool_calls": [CALLED], "content": "x"}]}, None),
    ],
)
def test_an_assistants_last_message_is_continued(fields: dict[str, Any], continues: bool | None) -> None:
    assert chat(**fields).request(ENTRY).get("continues") is continues


def test_parts_of_a_message_that_is_continued_are_paragraphs() -> None:
    parts = [{"type": "text", "text": text} for text in ("Wh", "ill")]
    begun = [*HELLO, {"role": "assistant", "content": parts}]
    assert chat(messages=begun).request(ENTRY)["messages"][-1]["content"] == "Wh\n\nill"
    assert chat(messages=begun, continue_final_message=False).request(ENTRY)["messages"][-1]["content"] == "Wh\nill"


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_two_messages_of_the_assistant_at_the_end_are_one_too_many(role: str) -> None:
    messages = [*HELLO, {"role": role, "content": "x"}, BEGUN[-1]]
    if role == "user":
        assert chat(messages=messages).request(ENTRY)["continues"]
        return
    with pytest.raises(InvalidRequest, match="Send them as one"):
        chat(messages=messages).request(ENTRY)
    assert "continues" not in chat(messages=messages, continue_final_message=False).request(ENTRY)


def test_a_chat_may_have_no_beginning_of_an_answer() -> None:
    assert chat(add_generation_prompt=False).request(ENTRY)["template_variables"] == {"add_generation_prompt": False}


@pytest.mark.parametrize("fields", [{"add_generation_prompt": True, "messages": BEGUN}, {}, {"messages": BEGUN[1:]}])
def test_what_cannot_be_continued_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chat(**fields, continue_final_message=True).request(ENTRY)
    assert refused.value.param == "continue_final_message"
