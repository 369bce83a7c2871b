"""W3C's headers, as the specification's own rules and examples have them."""

from __future__ import annotations

import pytest

from tasks.traces.context import LONGEST_STATE, Context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_traceparent_is_read_and_written() -> None:
    read = Context.parse(f"00-{TRACE}-{SPAN}-01", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    assert read == Context(TRACE, SPAN, True, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    assert read.headers == {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": read.state}


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_only_the_first_flag_says_whether_it_is_recorded(flags: str, sampled: bool) -> None:
    read = Context.parse(f"00-{TRACE}-{SPAN}-{flags}")
    assert read is not None
    assert read.sampled is sampled


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01",
    ],
)
def test_what_is_no_traceparent_is_ignored(header: str) -> None:
    read = Context.parse(header)
    assert read is None or header.endswith("\n")


def test_a_later_version_may_have_more() -> None:
    assert Context.parse(f"01-{TRACE}-{SPAN}-01-more") == Context(TRACE, SPAN)
    assert Context.parse(f"01-{TRACE}-{SPAN}-01more") is None


@pytest.mark.parametrize("state", ["=", "A=b", "a=b;c", "a=b,c", "a=\x1b[31m", "a=b\nc", "a=" + "b" * LONGEST_STATE])
def test_a_tracestate_that_is_none_is_not_passed_on(state: str) -> None:
    read = Context.parse(f"00-{TRACE}-{SPAN}-01", state)
    assert read is not None
    assert read.state in ("", "a=b;c")


@pytest.mark.parametrize("state", ["a=b,", "a=b ,\t, c@d= e", "a=b" + "   ," * 100])
def test_members_of_a_tracestate_may_be_empty_and_have_spaces_between(state: str) -> None:
    read = Context.parse(f"00-{TRACE}-{SPAN}-01", state)
    assert read is not None
    assert read.state == state


@pytest.mark.timeout(20)
@pytest.mark.parametrize("state", ["a=x   ," * 60 + "=", "a=x" + "   ," * 100 + "="])
def test_a_tracestate_made_to_take_long_does_not(state: str) -> None:
    read = Context.parse(f"00-{TRACE}-{SPAN}-01", state)
    assert read is not None
    assert read.state == ""


def test_a_span_is_derived_alike_in_every_process_and_otherwise_for_other_words() -> None:
    root = Context(TRACE, SPAN)
    assert root.derived("attempt", "1") == root.derived("attempt", "1")
    ids = {root.derived(*words).span_id for words in (("attempt", "1"), ("attempt", "2"), ("queue", "1"))}
    assert len(ids | {SPAN, root.child().span_id}) == 5
