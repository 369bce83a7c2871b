"""Server-sent events: how the server frames them, and how the command reads them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http import sse
from caravan_client.events import EventReader, StreamedEvent
from caravan_client.exchange import Patience


def test_a_frame_has_cursor_event_and_data_in_order() -> None:
    framed = sse.frame({"index": 0, "text": "é"}, event="token", cursor="5-1")
    assert framed == 'id: 5-1\nevent: token\ndata: {"index":0,"text":"é"}\n\n'


def test_a_frame_may_have_data_alone() -> None:
    assert sse.frame({"a": 1}) == 'data: {"a":1}\n\n'


@pytest.mark.parametrize("text", ["\n", "\r", "\r\n", "a\n\ndata: b"])
def test_line_breaks_in_a_text_do_not_break_the_frame(text: str) -> None:
    framed = sse.frame({"text": text})
    assert framed.endswith("\n\n")
    assert framed.count("\n") == 2
    assert "\r" not in framed


def test_a_heartbeat_is_a_comment() -> None:
    assert sse.HEARTBEAT.startswith(":")
    assert sse.HEARTBEAT.endswith("\n\n")


def test_a_response_is_a_stream_that_nobody_holds_back() -> None:
    response = sse.respond(iter(["data: 1\n\n"]))
    assert response.mimetype == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.get_data() == b"data: 1\n\n"


def parse(stream: str) -> list[StreamedEvent]:
    return read(stream.split("\n"))


def read(lines: list[str]) -> list[StreamedEvent]:
    reader = EventReader("j", "", Patience())
    return [event for line in lines if (event := reader.feed(line))]


@given(st.text())
def test_a_frame_is_read_as_it_was_written(text: str) -> None:
    framed = sse.frame({"text": text}, event="token", cursor="5-1")
    assert parse(framed) == [StreamedEvent("5-1", "token", {"text": text})]


def test_frames_are_read_in_order_and_do_not_mix() -> None:
    stream = sse.frame({"n": 1}, event="status", cursor="1-0") + sse.frame({"n": 2})
    assert parse(stream) == [StreamedEvent("1-0", "status", {"n": 1}), StreamedEvent("1-0", "", {"n": 2})]


def test_comments_are_skipped_wherever_they_stand() -> None:
    inside = ": a\nid: 1-0\n: b\ndata: {}\n: c\n\n"
    assert parse(sse.HEARTBEAT + inside + sse.HEARTBEAT) == [StreamedEvent("1-0", "", {})]


def test_a_frame_that_was_cut_off_is_no_event() -> None:
    assert parse(sse.frame({"n": 1}) + 'id: 1-1\ndata: {"n":') == [StreamedEvent("", "", {"n": 1})]


def test_a_value_may_hold_colons() -> None:
    (event,) = parse("data: " + json.dumps({"a": "b: c"}) + "\n\n")
    assert event.data == {"a": "b: c"}


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
def test_line_breaks_of_unicode_do_not_break_a_frame(char: str) -> None:
    written = sse.frame({"text": f"a{char}b"}, event="token", cursor="1-1")
    assert len(written.splitlines()) == 4
    (event,) = read(written.splitlines())
    assert event.data == {"text": f"a{char}b"}


def test_what_tells_all_is_ascii_on_one_line_and_the_same_data() -> None:
    data = {"text": "line\u2028separator \u00e9\n", "logprobs": [{"bytes": [1, 2]}] * 3}
    framed = sse.frame(data, event="done", cursor="1-2", whole=True)
    head, body = framed.removesuffix("\n\n").rsplit("\n", 1)
    assert head == "id: 1-2\nevent: done"
    assert body.isascii()
    assert json.loads(body.removeprefix("data: ")) == data
