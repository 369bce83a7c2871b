"""A stop string ends an answer where it stands in its content, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.answers.parser import parse
from tasks.answers.syntax import Syntax
from tasks.worker.content_stops import ContentStops

REQUEST = {"tools": [{"name": "get_weather", "parameters": {"type": "object"}}]}
HERMES, MISTRAL, PLAIN_JSON = (Syntax(name, "optional") for name in ("hermes", "mistral", "json"))
OPEN = Syntax("hermes", "open")
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
BARE = '{"name": "get_weather", "arguments": {"city": "Paris"}}'


def shown(text: str, stops: tuple[str, ...], syntax: Syntax = HERMES, *, cut: int = 1) -> tuple[str, bool]:
    """What of a text is shown, and whether a stop string ended it; fed in pieces of so many characters."""
    watch, made = ContentStops(stops, REQUEST, syntax), ""
    for at in range(0, len(text), cut):
        made += watch.feed(text[at : at + cut])
        if watch.stopped:
            return made, True
    made += watch.flush()
    return made, watch.stopped


@pytest.mark.parametrize("cut", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        (CALL, HERMES),
        (f"I look.\n{CALL}", HERMES),
        (f"<think>Paris?</think>{CALL}", HERMES),
        (f"Paris, I think.</think>{CALL}", OPEN),
        ('[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}]', MISTRAL),
        (BARE, PLAIN_JSON),
    ],
)
def test_a_stop_string_in_a_call_or_in_reasoning_is_passed_over(text: str, syntax: Syntax, cut: int) -> None:
    assert shown(text, ("Paris",), syntax, cut=cut) == (text, False)


@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_a_stop_string_in_content_ends_the_answer_there(cut: int) -> None:
    assert shown(f"It is Paris. {CALL}", ("Paris",), cut=cut) == ("It is ", True)
    assert shown("<think>Paris?</think>It is Paris.", ("Paris",), cut=cut) == ("<think>Paris?</think>It is ", True)
    assert shown(f"{CALL} So Paris it is.", ("Paris",), cut=cut)[1]


def test_a_call_keeps_two_pieces_of_content_apart() -> None:
    assert shown(f"EN{CALL}D", ("END",)) == (f"EN{CALL}D", False)


def test_what_only_looks_like_a_call_is_content() -> None:
    assert shown("<tool_call> is a marker; STOP", ("STOP",)) == ("<tool_call> is a marker; ", True)


@given(
    st.lists(st.sampled_from(["a", "ab", " ", "\n", "<think>", "</think>", CALL, "<tool_", BARE, "STOP", "ST"])),
    st.integers(1, 9),
)
def test_how_the_text_is_cut_makes_no_difference(pieces: list[str], cut: int) -> None:
    text = "".join(pieces)
    whole = shown(text, ("STOP",), cut=len(text) or 1)
    assert shown(text, ("STOP",), cut=cut) == whole
    assert text.startswith(whole[0])
    if whole[1]:
        assert "STOP" not in (parse(whole[0], HERMES, {"get_weather": {}}).content or "")
    else:
        assert whole[0] == text
