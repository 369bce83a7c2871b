"""What is said to the command and not to the model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.bodies.sampling import PASSED_ON
from app.cli.chat import settings
from app.cli.chat.conversation import Conversation
from app.cli.chat.orders import ORDERS, obey
from app.endpoints.jobs.body import ChatJobBody


@pytest.fixture
def talk() -> Conversation:
    return Conversation("demo")


def test_a_question_is_asked_with_what_was_said_before(talk: Conversation) -> None:
    talk.keep("One?", "1.")
    obey("/system Be brief.", talk)
    obey("/set temperature 0.5", talk)
    assert talk.body("Two?") == {
        "model": "demo",
        "temperature": 0.5,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "1."},
            {"role": "user", "content": "Two?"},
        ],
    }


def test_a_question_without_an_answer_is_as_if_it_had_not_been_asked(talk: Conversation) -> None:
    talk.keep("One?", "")
    assert [message["content"] for message in talk.body("Two?")["messages"]] == ["Two?"]


def test_clear_forgets_the_conversation_and_keeps_how_it_is_held(talk: Conversation) -> None:
    obey("/system Be brief.", talk)
    obey("/set seed 7", talk)
    talk.keep("One?", "1.")
    obey("/clear", talk)
    assert talk.body("Two?") == {
        "model": "demo", "seed": 7,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Two?"}],
    }  # fmt: skip


def test_the_system_message_can_be_taken_away(talk: Conversation) -> None:
    obey("/system Be brief.", talk)
    obey("/system", talk)
    assert talk.body("One?")["messages"] == [{"role": "user", "content": "One?"}]


@pytest.mark.parametrize(
    ("order", "value"),
    [
        ("/set temperature 0.2", {"temperature": 0.2}),
        ("/set  top_k   5", {"top_k": 5}),
        ("/set ignore_eos true", {"ignore_eos": True}),
        ("/set stop END", {"stop": "END"}),
        ("/set stop 7", {"stop": "7"}),
        ('/set stop ["a", "b"]', {"stop": ["a", "b"]}),
        ("/set priority high", {"priority": "high"}),
        ('/set json_schema {"type": "object"}', {"json_schema": {"type": "object"}}),
    ],
)
def test_settings_are_set_and_taken_back(order: str, value: dict[str, Any], talk: Conversation) -> None:
    assert not obey(order, talk).refused
    assert talk.settings == value
    obey(f"/set {next(iter(value))}", talk)
    assert talk.settings == {}


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("/set temprature 1", "There is no setting 'temprature'. Did you mean temperature?"),
        ("/set temprature", "Did you mean temperature?"),
        ("/set zzz 1", "There are max_tokens, temperature"),
        ("/set temperature warm", "'warm' is none."),
        ("/set temperature NaN", "'NaN' is none."),
        ("/set temperature 1e999", "'1e999' is none."),
        (r'/set logit_bias {"\ud800": 1}', "is none."),
        ("/sytem Be brief.", "There is no command '/sytem'. Did you mean /system?"),
        ("/zzz", "/help shows those there are."),
    ],
)
def test_what_cannot_be_obeyed_changes_nothing_and_says_what_would_do(
    order: str, said: str, talk: Conversation
) -> None:
    reply = obey(order, talk)
    assert reply.refused
    assert said in reply.text
    assert talk == Conversation("demo")


def test_what_is_set_is_shown(talk: Conversation) -> None:
    obey("/set stop END", talk)
    obey("/system Be brief.", talk)
    assert obey("/set", talk).text.splitlines() == ["model demo", "system Be brief.", 'stop "END"']


@pytest.mark.parametrize("order", ["/bye", "/exit", "/quit", " /bye "])
def test_bye_ends_the_chat(order: str, talk: Conversation) -> None:
    assert obey(order, talk).ends


def test_help_names_every_order(talk: Conversation) -> None:
    shown = obey("/help", talk).text
    assert [order for order in ORDERS if order not in shown] == ["/?", "/exit", "/quit"]
    assert not obey("/help", talk).ends


def test_settings_are_fields_of_a_job_and_every_sampling_parameter_is_one() -> None:
    assert set(settings.NAMES) <= set(ChatJobBody.model_fields)
    assert set(settings.NAMES) >= PASSED_ON & set(ChatJobBody.model_fields) - {"n"}  # a chat has one answer
    assert len(set(settings.NAMES)) == len(settings.NAMES)


def test_every_value_that_is_taken_can_be_sent() -> None:
    for text in ("1", "1.5", "true", "null", '"a"', "[1]", '{"a": 1}'):
        json.dumps(settings.read("logit_bias", text), allow_nan=False)
