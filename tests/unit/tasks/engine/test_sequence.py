"""One completion: its states, its ends and its text."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.engine.sequence import FinishReason, Sequence, SequenceState
from tasks.engine.slots import Slot
from tasks.records.sampling import SamplingParams
from tests.support.decoding import sequence


def limited(**params: Any) -> Sequence:
    return sequence(b"abc", params=SamplingParams(**params), context=8)


def say(to: Sequence, *pieces: bytes) -> str:
    return "".join(to.extend(ord("x"), piece, ends=False) for piece in pieces)


def test_a_new_sequence_waits_with_its_whole_prompt_to_run() -> None:
    new = sequence(b"abc")
    assert new.state is SequenceState.WAITING
    assert (new.num_prompt_tokens, new.num_pending, new.num_generated, new.generated) == (3, 3, 0, [])


def test_a_sequence_goes_from_waiting_over_prefilling_to_decoding_and_finished() -> None:
    s = limited(max_tokens=2)
    seen = [s.state]
    s.slot = Slot(0)
    seen.append(s.state)
    s.num_computed = 2
    seen.append(s.state)
    s.num_computed = 3
    say(s, b"x")
    seen.append(s.state)
    s.num_computed = 4
    say(s, b"x")
    seen.append(s.state)
    assert [state.name for state in seen] == ["WAITING", "PREFILLING", "PREFILLING", "DECODING", "FINISHED"]


def test_the_last_token_of_a_prompt_alone_is_still_prefilling() -> None:
    s = sequence(b"a")
    s.slot = Slot(0)
    assert s.num_pending == 1
    assert s.state is SequenceState.PREFILLING


def test_set_back_loses_the_slot_and_what_was_computed() -> None:
    s = limited()
    s.slot, s.num_computed = Slot(1), 3
    say(s, b"hey")
    s.set_back()
    assert s.state is SequenceState.WAITING
    assert s.num_pending == 4


def test_set_back_keeps_tokens_and_text() -> None:
    s = limited()
    s.slot = Slot(1)
    say(s, b"hey")
    s.set_back()
    assert (s.generated, s.text) == ([ord("x")], "hey")


def test_a_sequence_set_back_is_prefilled_again() -> None:
    s = limited()
    s.slot, s.num_computed = Slot(1), 3
    say(s, b"hey")
    s.set_back()
    s.slot = Slot(0)
    assert s.state is SequenceState.PREFILLING


def test_the_caller_keeps_its_prompt() -> None:
    prompt = [1, 2, 3]
    say(Sequence(job="job", index=0, prompt=prompt, params=SamplingParams(), context=8), b"x")
    assert prompt == [1, 2, 3]


def test_an_end_token_finishes_with_stop_and_has_no_text() -> None:
    s = limited()
    say(s, b"hi")
    assert s.extend(256, b"<end>", ends=True) == ""
    assert (s.finish_reason, s.text, s.num_generated) == ("stop", "hi", 2)


def test_a_stop_string_finishes_with_stop_and_is_cut_off() -> None:
    s = limited(stop=("lo w",))
    assert say(s, b"hel", b"lo", b" world") == "hel"
    assert (s.finish_reason, s.text) == ("stop", "hel")


def reasons(s: Sequence, pieces: bytes) -> list[FinishReason | None]:
    """The finish reason after each of these tokens."""
    seen = []
    for byte in pieces:
        say(s, bytes([byte]))
        seen.append(s.finish_reason)
    return seen


def test_max_tokens_finish_with_length() -> None:
    s = limited(max_tokens=2)
    assert reasons(s, b"xy") == [None, "length"]
    assert (s.text, s.num_generated) == ("xy", 2)


def test_a_full_context_finishes_with_length() -> None:
    s = limited()
    assert reasons(s, b"12345") == [None, None, None, None, "length"]
    assert len(s.tokens) == 8


@pytest.mark.parametrize("ends_by", ["end token", "stop string"])
def test_the_answers_own_end_on_the_last_allowed_token_is_stop(ends_by: str) -> None:
    s = limited(max_tokens=1, stop=("!",))
    s.extend(1, b"!", ends=ends_by == "end token")
    assert s.finish_reason == "stop"


def test_text_held_back_for_a_stop_string_is_shown_with_the_last_token() -> None:
    s = limited(max_tokens=2, stop=("END",))
    assert say(s, b"E") == ""
    assert say(s, b"N") == "EN"
    assert s.text == "EN"


def test_text_held_back_is_shown_when_the_answer_ends() -> None:
    s = limited(stop=("END",))
    say(s, b"EN")
    assert s.extend(256, b"", ends=True) == "EN"


def test_half_a_character_is_shown_as_replacement_with_the_last_token() -> None:
    s = limited(max_tokens=2)
    assert say(s, b"\xf0\x9f") == ""
    assert say(s, b"\x98") == "\ufffd"
    assert s.finish_reason == "length"


def test_nothing_is_shown_of_what_follows_a_stop_string() -> None:
    s = limited(stop=("!",))
    assert say(s, b"a!b\xf0") == "a"
    assert s.text == "a"


def test_the_text_is_all_that_was_shown() -> None:
    s = limited(stop=("zz",))
    parts = [say(s, piece) for piece in (b"a", b"z", b"\xc3", b"\xa9", b"z")]
    assert s.text == "".join(parts) == "azéz"
