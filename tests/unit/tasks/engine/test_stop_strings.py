"""Stop strings: what is shown, what is held back, what is dropped."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tasks.engine.stop_strings import StopStrings

pieces_of_text = st.lists(st.text("ab", max_size=2), max_size=12) | st.lists(st.text("ab", max_size=6), max_size=6)
stop_strings = st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=4)


def shown(pieces: list[str], stops: list[str]) -> str:
    watch, text = StopStrings(stops), ""
    for piece in pieces:
        text += watch.feed(piece)
        if watch.stopped:
            return text
    return text + watch.flush()


def up_to_the_stop(pieces: list[str], stops: list[str]) -> str:
    """The rule: with the first piece that completes a stop string, all from the earliest one on is dropped."""
    text = ""
    for piece in pieces:
        text += piece
        if found := [text.find(stop) for stop in stops if stop in text]:
            return text[: min(found)]
    return text


@given(pieces_of_text, stop_strings)
@example(["b", "b", "b"], ["a", "bbb"])
@example(["a", "a", "b"], ["aab"])
@example(["aa", "b"], ["ab", "aab"])
def test_text_is_shown_up_to_the_first_stop_string(pieces: list[str], stops: list[str]) -> None:
    assert shown(pieces, stops) == up_to_the_stop(pieces, stops)


@given(pieces_of_text, st.text("ab", min_size=1, max_size=4))
def test_a_single_stop_string_cuts_the_same_however_the_text_is_split(pieces: list[str], stop: str) -> None:
    assert shown(pieces, [stop]) == "".join(pieces).partition(stop)[0]


@given(pieces_of_text, stop_strings)
def test_nothing_is_held_back_that_cannot_become_a_stop_string(pieces: list[str], stops: list[str]) -> None:
    watch, fed, text = StopStrings(stops), "", ""
    for piece in pieces:
        fed += piece
        text += watch.feed(piece)
        if watch.stopped:
            return
        held = fed[len(text) :]
        assert fed.startswith(text)
        assert held not in stops
        assert any(stop.startswith(held) for stop in stops)


@given(pieces_of_text, stop_strings)
def test_stopped_says_whether_a_stop_string_was_found(pieces: list[str], stops: list[str]) -> None:
    watch = StopStrings(stops)
    for piece in pieces:
        watch.feed(piece)
        if watch.stopped:
            break
    assert watch.stopped is any(stop in "".join(pieces) for stop in stops)


@given(pieces_of_text)
def test_without_stop_strings_all_is_shown_at_once(pieces: list[str]) -> None:
    watch = StopStrings([])
    assert [watch.feed(piece) for piece in pieces] == pieces
    assert watch.flush() == ""


def test_a_stop_string_split_over_two_tokens_is_never_shown() -> None:
    watch = StopStrings(["END"])
    assert [watch.feed(piece) for piece in ("so E", "ND of it")] == ["so ", ""]
    assert watch.stopped
    assert watch.flush() == ""


def test_text_held_back_is_shown_once_it_turns_out_to_be_no_stop_string() -> None:
    watch = StopStrings(["END"])
    assert [watch.feed(piece) for piece in ("E", "N", "V")] == ["", "", "ENV"]
    assert not watch.stopped


def test_text_held_back_is_shown_at_the_end() -> None:
    watch = StopStrings(["END"])
    assert watch.feed("so EN") == "so "
    assert watch.flush() == "EN"
    assert watch.flush() == ""


def test_the_earliest_of_two_stop_strings_in_one_piece_cuts() -> None:
    assert shown(["one two three"], ["three", "two"]) == "one "


def test_the_stop_string_that_is_complete_first_cuts() -> None:
    assert shown(["a", "b", "c", "d"], ["abcd", "bc"]) == "a"
    assert shown(["abcd"], ["abcd", "bc"]) == ""


def test_a_stop_string_that_repeats_its_own_beginning_is_found() -> None:
    assert shown(["xaa", "aab"], ["aab"]) == "xaa"
    assert shown(["xa", "a", "b"], ["aab"]) == "x"


def test_a_short_stop_string_does_not_hide_the_beginning_of_a_long_one() -> None:
    assert shown(["x", "E", "N", "D"], ["!", "END"]) == "x"


@given(pieces_of_text, stop_strings)
def test_the_stop_string_that_was_found_follows_what_is_shown(pieces: list[str], stops: list[str]) -> None:
    watch, text = StopStrings(stops), ""
    for piece in pieces:
        text += watch.feed(piece)
        if watch.stopped:
            assert watch.found in stops
            assert "".join(pieces).startswith(text + watch.found)
            return
    assert watch.found == ""
