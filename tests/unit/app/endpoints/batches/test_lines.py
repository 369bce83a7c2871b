"""The lines of a batch's input: read in pieces of any size, and judged one by one."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.batches.input_lines import Line, read, split
from tasks.batches.validation import MOST_FAULTS, Verdict, validate

CHAT = "/v1/chat/completions"
LONGEST = 1000
BOM = b"\xef\xbb\xbf"


def line(**changes: Any) -> dict[str, Any]:
    whole = {"custom_id": "a", "method": "POST", "url": CHAT, "body": {"model": "demo"}, **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def verdict(*lines: dict[str, Any] | bytes) -> Verdict:
    text = b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in lines)
    found = split([text], number=1, offset=0, longest=LONGEST)
    *_, last = validate(found, endpoint=CHAT, longest=LONGEST, models=["demo"])
    return last


def codes(*lines: dict[str, Any] | bytes) -> list[tuple[int | None, str, str | None]]:
    return [(error["line"], error["code"], error["param"]) for error in verdict(*lines).errors]


@given(
    texts=st.lists(st.binary(max_size=12).map(lambda text: text.replace(b"\n", b" ")), max_size=8),
    size=st.integers(1, 9),
    last=st.booleans(),
)
def test_lines_are_the_same_however_the_file_is_cut(texts: list[bytes], size: int, last: bool) -> None:
    whole = b"\n".join(texts) + (b"\n" if last else b"")
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    found = list(split(pieces, number=1, offset=0, longest=100))
    assert [(one.number, one.text) for one in found] == [
        (number, text) for number, text in enumerate(whole.removeprefix(BOM).split(b"\n"), 1) if text.strip(b" \t\r\n")
    ]
    for one in found:  # whoever goes on from where a line ends finds what comes after it
        rest = list(split([whole[one.end :]], number=one.number + 1, offset=one.end, longest=100))
        assert rest == [other for other in found if other.number > one.number]


@given(size=st.integers(1, 3000), length=st.integers(1001, 3000))
def test_a_line_that_is_too_long_is_passed_over_and_not_kept(size: int, length: int) -> None:
    whole = b"a\n" + b"x" * length + b"\nb\n"
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    found = list(split(pieces, number=1, offset=0, longest=LONGEST))
    assert found == [Line(1, b"a", 2), Line(2, None, length + 3), Line(3, b"b", length + 5)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 1000])
def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it(size: int) -> None:
    whole = BOM + json.dumps(line()).encode() + b"\n" + json.dumps(line(custom_id="b")).encode()
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    found = list(split(pieces, number=1, offset=0, longest=LONGEST))
    assert [read(each, endpoint=CHAT, longest=LONGEST).custom_id for each in found] == ["a", "b"]
    assert whole[found[0].end :].startswith(b"{"), "whoever goes on does so at the second line"
    assert list(split([BOM + b"\n"], number=1, offset=0, longest=LONGEST)) == []
    assert codes(BOM + json.dumps(line()).encode()) == []
    assert codes(line(), BOM + json.dumps(line(custom_id="b")).encode()) == [(2, "invalid_json_line", None)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_of_another_encoding_is_told_so(encoding: str) -> None:
    error = verdict(json.dumps(line()).encode(encoding)).errors[0]
    assert error["code"] == "invalid_json_line"
    assert "UTF-16 or UTF-32" in error["message"]


def test_a_right_line_is_read() -> None:
    request = read(Line(1, json.dumps(line()).encode(), 0), endpoint=CHAT, longest=LONGEST)
    assert (request.custom_id, request.body) == ("a", {"model": "demo"})


@pytest.mark.parametrize(
    ("text", "code", "param"),
    [
        (b"{", "invalid_json_line", None),
        (b'{"a": NaN}', "invalid_json_line", None),
        (b"\xff\xfe", "invalid_json_line", None),
        (b"[1]", "invalid_json_line", None),
        (b"x" * 1001, "line_too_long", None),
        (line(custom_id=...), "missing_required_parameter", "custom_id"),
        (line(method=...), "missing_required_parameter", "method"),
        (line(url=None), "missing_required_parameter", "url"),
        (line(body=...), "missing_required_parameter", "body"),
        (line(custom_id=7), "invalid_custom_id", "custom_id"),
        (line(custom_id=""), "invalid_custom_id", "custom_id"),
        (line(custom_id="x" * 513), "invalid_custom_id", "custom_id"),
        (line(method="GET"), "invalid_method", "method"),
        (line(url="/v1/embeddings"), "mismatched_url", "url"),
        (line(url="/v1/chat/completions/"), "mismatched_url", "url"),
        (line(body=[]), "invalid_body", "body"),
        (line(priority="high"), "unknown_parameter", "priority"),
        (line(body={"model": "none"}), "model_not_found", "body.model"),
        (line(body={"model": 3}), "model_not_found", "body.model"),
        (line(body={}), "model_not_found", "body.model"),
    ],
)
def test_what_is_no_request_is_told_of_with_its_line(
    text: dict[str, Any] | bytes, code: str, param: str | None
) -> None:
    assert codes(line(custom_id="before"), text) == [(2, code, param)]


def test_a_custom_id_stands_once() -> None:
    same = [line(custom_id=custom_id) for custom_id in ("a", "b", "a", "A", "a")]
    assert codes(*same) == [(3, "duplicate_custom_id", "custom_id"), (5, "duplicate_custom_id", "custom_id")]
    assert codes(*(line(custom_id=custom_id) for custom_id in ("a\0", "a", "a\0b", "ü"))) == []


def test_every_line_at_fault_is_told_of_up_to_a_hundred() -> None:
    assert codes(line(method="PUT"), line(custom_id="b"), b"x") == [
        (1, "invalid_method", "method"),
        (3, "invalid_json_line", None),
    ]
    found = verdict(*[b"x"] * (MOST_FAULTS + 5))
    assert (found.total, found.num_faults, len(found.errors)) == (105, 105, 101)
    assert found.errors[-1]["code"] == "too_many_errors"
    assert found.errors[-1]["message"].startswith("5 more")


def test_a_file_without_lines_is_at_fault() -> None:
    assert codes() == [(None, "empty_file", None)]
    assert codes(b"", b"  ", b"\r") == [(None, "empty_file", None)]


def test_blank_lines_are_passed_over_and_counted_in_numbers() -> None:
    assert codes(b"", line(), b"", b"x") == [(4, "invalid_json_line", None)]
    assert verdict(b"", line(), b"").total == 1


def test_validation_can_be_stopped_between_strokes() -> None:
    lines = split([b"x\n" * 2500], number=1, offset=0, longest=LONGEST)
    totals = [found.total for found in validate(lines, endpoint=CHAT, longest=LONGEST, models=[])]
    assert totals == [1000, 2000, 2500, 2500]


def test_a_line_without_an_end_takes_no_memory() -> None:
    piece = b"x" * 65_536
    tracemalloc.start()
    try:
        (found,) = split(itertools.repeat(piece, 500), number=1, offset=0, longest=LONGEST)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == Line(1, None, 500 * 65_536)
    assert most < 1 << 20
