"""A conversation's shape tells who speaks, and not what is said nor how often turns repeat each other."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.llama.shape import sample_of, shape_of
from tests.support.conversations import ODD_ARGUMENTS, Message, assistant, calling, result, system, user

MESSAGES = [system(), user(), assistant(), assistant(""), calling(), calling("", "cut", text="A"), result(), result(1)]


def roles(*messages: Message) -> list[str]:
    return [kind.role for kind in shape_of(messages).kinds]


def test_of_turns_that_repeat_each_other_two_are_left() -> None:
    turn = [user(), calling(), result(), assistant()]
    assert roles(system(), *turn * 9) == ["system", *["user", "assistant", "tool", "assistant"] * 2]
    assert roles(*[user()] * 9, assistant()) == ["user", "user", "assistant"]


def test_the_places_are_those_of_the_messages_that_are_left() -> None:
    shape = shape_of([system(), *[user(), assistant()] * 4, user()])
    assert shape.places == (0, 1, 2, 3, 4, 9)


def test_what_is_said_is_no_part_of_the_shape() -> None:
    first = shape_of([system("A"), user("B"), calling('{"a": 1}', text="C"), result(0, "D")])
    assert first == shape_of([system("E"), user("F"), calling('{"b": "c"}', text="G"), result(0, "H")])
    assert first != shape_of([system("A"), user(""), calling('{"a": 1}', text="C"), result(0, "D")])
    assert first != shape_of([system("A"), user("B"), calling('{"a": 1}', text="C"), result(1, "D")])


def test_arguments_of_other_kinds_are_another_shape() -> None:
    shapes = {shape_of([user(), calling(text)]) for text in ['{"a": 1}', *ODD_ARGUMENTS.values()]}
    assert len(shapes) == 4  # an object, an empty one, nothing, and what is none


def test_a_result_of_a_sample_is_of_the_same_call() -> None:
    kinds = shape_of([user(), calling("{}", "{}"), result(1), result(0), result(7)]).kinds
    messages = sample_of(kinds).messages
    first, second = (call["id"] for call in messages[1]["tool_calls"])
    assert [message["tool_call_id"] for message in messages[2:4]] == [second, first]
    assert messages[4]["tool_call_id"] not in (first, second)


@given(st.lists(st.sampled_from(MESSAGES), max_size=12))
def test_a_sample_has_the_shape_that_it_stands_for(messages: list[Message]) -> None:
    kinds = shape_of(messages).kinds
    sample = sample_of(kinds)
    made = shape_of(sample.messages).kinds
    assert [replace(kind, answers=None) for kind in made] == [replace(kind, answers=None) for kind in kinds]
    texts = [message["content"] for message in sample.messages if message["content"]]
    assert len(set(texts)) == len(texts)
    assert not any(one in other for one in texts for other in texts if one != other)
