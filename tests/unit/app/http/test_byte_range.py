"""Parts of files, as the ``Range`` header asks for them."""

from __future__ import annotations

import pytest

from app.http.byte_range import RangeNotSatisfiable, span


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-3", (0, 4)),
        ("bytes=7-", (7, 10)),
        ("bytes=-4", (6, 10)),
        ("bytes=-40", (0, 10)),
        ("bytes=5-99", (5, 10)),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=3-1", None),
        ("nonsense", None),
    ],
)
def test_a_range_is_the_bytes_that_it_names(header: str | None, expected: tuple[int, int] | None) -> None:
    assert span(header, 10) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=0-", 0)])
def test_a_range_behind_the_end_cannot_be_had(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable):
        span(header, size)
