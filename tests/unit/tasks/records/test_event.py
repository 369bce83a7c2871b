"""Cursors and events."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records.event import START, Cursor, Event, decode_message, encode_token

numbers = st.integers(0, 10**15 - 1)
cursors = st.builds(Cursor, numbers, numbers)
few = st.builds(Cursor, st.integers(0, 2), st.integers(0, 3))


@given(cursors)
def test_a_cursor_is_read_as_it_is_written(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor)) == cursor


def test_cursors_order_by_fence_and_then_by_number() -> None:
    ordered = [START, Cursor(0, 9), Cursor(1, 0), Cursor(1, 2), Cursor(1, 10), Cursor(2, 0), Cursor(10, 0)]
    assert all(earlier < later for earlier, later in pairwise(ordered))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "-",
        "1-",
        "-1",
        "1-2-3",
        "a-1",
        "1-a",
        " 1-2",
        "1-2 ",
        "1-2\n",
        "1.5-2",
        "-1-2",
        "+1-2",
        "1-1" + "0" * 15,
        "$",
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        Cursor.parse(text)


@given(few, few)
def test_an_event_precedes_only_the_next_one_under_its_fence(one: Cursor, other: Cursor) -> None:
    assert one.precedes(other) is (one.fence == other.fence and one.seq + 1 == other.seq)


def test_a_new_fence_is_never_known_to_be_the_next_event() -> None:
    assert not Cursor(7, 3).precedes(Cursor(8, 0))


tokens = st.lists(st.integers(0, 200_000), min_size=1, max_size=5)


@given(cursors, st.integers(0, 127), st.text(), tokens, st.sampled_from([None, "stop", "length"]))
def test_a_token_event_is_read_as_it_was_written(
    cursor: Cursor, index: int, text: str, ids: list[int], reason: str | None
) -> None:
    body = encode_token(index=index, text=text, tokens=ids, finish_reason=reason)
    expected = Event(cursor, "token", index=index, text=text, tokens=tuple(ids), finish_reason=reason)
    assert Event.decode(str(cursor), json.loads(body)) == expected
    assert decode_message(f'[["{cursor}",{body}]]') == [expected]


def test_a_finish_reason_is_written_with_the_last_token_alone() -> None:
    assert "finish_reason" not in encode_token(index=0, text="a", tokens=[1], finish_reason=None)


def test_a_token_event_is_stored_short() -> None:
    assert encode_token(index=0, text="é", tokens=[1, 2], finish_reason=None) == (
        '{"type":"token","index":0,"text":"é","tokens":[1,2]}'
    )


def test_a_message_of_the_ledger_holds_events_in_order() -> None:
    """As ``append`` in ``lua/lib/event.lua`` builds it."""
    payload = '[["5-0",{"type":"status","status":"running"}],["5-1",{"type":"done","status":"succeeded"}]]'
    assert (
        decode_message(payload)
        == decode_message(payload.encode())
        == [
            Event(Cursor(5, 0), "status", status="running"),
            Event(Cursor(5, 1), "done", status="succeeded"),
        ]
    )
