"""Each step changes a conversation's form and keeps what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.engine.llama.forms import GROUPS, PLAIN, apply, forms, names
from tasks.engine.llama.steps import Given, Message
from tests.support.conversations import ODD_ARGUMENTS, TOOLS, assistant, calling, result, system, user


def given(*messages: Message, tools: bool = False, empty: str | None = "") -> Given:
    functions = TOOLS if tools else []
    told = [{"type": "function", "function": function} for function in functions]
    return Given(messages=list(messages), functions=functions, tools=told or None, empty_content=empty)


def after(step: str, *messages: Message, **options: Any) -> list[Message]:
    """What a step of that name makes."""
    (found,) = (each for group in GROUPS for each in group if each.name == step)
    return found.change(given(*messages, **options)).messages


def test_system_messages_become_one_in_front() -> None:
    made = after("system messages as one in front", user("A"), system("B"), assistant("C"), system("D"))
    assert made == [system("B\n\nD"), user("A"), assistant("C")]


def test_system_messages_are_put_before_the_first_question() -> None:
    made = after("system messages in the first question", system("A"), user("B"), system("C"), assistant("D"))
    assert made == [user("A\n\nC\n\nB"), assistant("D")]


def test_system_messages_before_an_answer_are_a_question_of_their_own() -> None:
    assert after("system messages in the first question", system("A"), assistant("B")) == [user("A"), assistant("B")]


def test_messages_of_one_role_become_one_and_results_stay_apart() -> None:
    sent = [user("A"), user("B"), assistant("C"), calling(text="D"), result(), result(1)]
    made = after("messages of one role as one", *sent)
    assert made == [user("A\n\nB"), calling(text="C\n\nD"), result(), result(1)]


def test_each_call_gets_a_turn_with_its_result() -> None:
    both = calling("{}", '{"city": "Basel"}', text="A")
    first, second = both["tool_calls"]
    made = after("a turn for each call", user(), both, result(1, "C"), result(0, "B"), result(7, "D"))
    assert made == [
        user(),
        {"role": "assistant", "content": "A", "tool_calls": [first]},
        result(0, "B"),
        {"role": "assistant", "content": "", "tool_calls": [second]},
        result(1, "C"),
        result(7, "D"),
    ]


def test_words_before_a_call_become_a_message() -> None:
    made = after("text and calls apart", calling(text="A"), calling(), empty=None)
    assert made == [assistant("A"), {**calling(), "content": None}, calling()]


@pytest.mark.parametrize(
    ("step", "made"),
    [
        ("", [{}, {}, {}, {}, '{"city": "Be', "[]", '"Bern"', "7", {"city": "Bern"}]),
        ("arguments as text", ["{}", "{}", "{}", "{}", '{"city": "Be', "[]", '"Bern"', "7", '{"city": "Bern"}']),
        (
            "arguments always an object",
            [{}, {}, {}, {}, *({"text": text} for text in ('{"city": "Be', "[]", '"Bern"', "7")), {"city": "Bern"}],
        ),
    ],
)
def test_arguments_have_three_forms(step: str, made: list[Any]) -> None:
    (change,) = (each.change for each in GROUPS[5] if each.name == step)
    (message,) = change(given(calling(*ODD_ARGUMENTS.values(), '{"city": "Bern"}'))).messages
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == made


def test_a_calls_missing_content_is_turned() -> None:
    assert after("the other empty content", calling(), user("")) == [{**calling(), "content": None}, user("")]
    assert after("the other empty content", {**calling(), "content": None}, empty=None) == [calling()]


def test_texts_become_parts() -> None:
    assert after("text as parts", user("A"), assistant("")) == [
        {"role": "user", "content": [{"type": "text", "text": "A"}]},
        assistant(""),
    ]


def test_calls_become_text_and_results_what_the_user_says() -> None:
    made = after("calls as text", user("A"), calling(text="B"), result(0, "C"), result(1, "D"))
    call = json.dumps({"name": "get_weather", "arguments": {"city": "Bern"}})
    said = "The function gave: C\nThe function gave: D"
    assert made == [user("A"), assistant(f"B\n{call}"), user(said)]


def test_the_cheapest_form_is_the_conversation_as_it_is() -> None:
    sent = given(system(), system(), user(), user(), calling("cut", text="A"), result(), tools=True)
    found = forms(sent, most=10_000)
    assert found[0] == (PLAIN, apply(PLAIN, sent))
    costs = [sum(step.cost for step in form) for form, _ in found]
    assert costs == sorted(costs)
    assert all(apply(form, sent) == made for form, made in found)


def test_a_step_that_changes_nothing_is_no_form() -> None:
    assert [names(form) for form, _ in forms(given(user(), tools=True), most=99)] == [
        [],
        ["text as parts"],
    ]


def test_no_more_forms_are_made_than_asked_for() -> None:
    sent = given(system(), user(), system(), user(), calling("cut", "", text="A"), result(), tools=True)
    assert len(forms(sent, most=7)) == 7
    assert sent.messages[0] == system()
