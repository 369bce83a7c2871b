"""Times as ISO 8601, and what JSON has no form for."""

from __future__ import annotations

import datetime
import json
import zoneinfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bulk import iso_times
from app.bulk.forms import forms
from app.bulk.json_text import to_bytes, to_json
from app.bulk.natives import natives


def bare(text: str) -> str:
    """Without what one writes and the other does not: the zeros of fractions, and the sign and zeros of years."""
    date, _, rest = text.partition("T")
    year, month, day = date.rsplit("-", 2)
    time, _, fraction = rest.partition(".")
    return f"{int(year)} {month} {day} {time} {fraction.rstrip('0')}"


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["s", "ms", "us", "ns"]))
def test_points_in_time_are_those_of_numpy(value: int, unit: str) -> None:
    expected = str(np.datetime_as_string(np.array([value], f"datetime64[{unit}]"))[0])
    assert bare(iso_times.timestamp(value, unit, None)) == bare(expected)


@given(st.integers(-62_135_510_400, 253_402_214_400), st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns"]))
def test_zones_are_those_of_python(seconds: int, zone: str) -> None:
    at = datetime.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(zone))
    offset = at.utcoffset()
    assert offset is not None
    expected = at if not offset.total_seconds() % 60 else at.astimezone(datetime.UTC)
    assert iso_times.timestamp(seconds, "s", zone) == expected.isoformat()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_500_000_001, "ns", "PT1.500000001S"), (-90, "s", "-PT90S"), (0, "us", "PT0S"), (-1, "us", "-PT0.000001S"),
        (1500, "ms", "PT1.500000S"),
    ],
)  # fmt: skip
def test_a_duration_is_seconds(value: int, unit: str, text: str) -> None:
    assert iso_times.duration(value, unit) == text


def test_each_part_of_an_interval_has_its_sign() -> None:
    assert iso_times.interval(1, -2, -1_500_000_000) == "P1M-2DT-1.500000S"


def test_what_is_no_number_is_null_at_any_depth() -> None:
    value = {"a": [float("nan"), {"b": [float("inf"), 1.5]}], "c": -float("inf")}
    assert json.loads(to_json(value)) == {"a": [None, {"b": [None, 1.5]}], "c": None}
    assert to_bytes({"a": [float("nan"), "\ud800ß"]}) == b'{"a": [null, "\\ud800\\u00df"]}'


def test_bytes_of_a_text_that_are_no_utf8_are_kept_as_half_pairs() -> None:
    column = pa.array([b"a\xff", None], pa.binary()).view(pa.string())
    assert forms(column) == natives(column) == ["a\udcff", None]


def test_templates_have_pythons_times_where_python_has_them() -> None:
    column = pa.array([1_700_000_000_123_456_789, None], pa.int64()).view(pa.timestamp("ns", "UTC"))
    at = datetime.datetime(2023, 11, 14, 22, 13, 20, 123456, datetime.UTC)
    assert natives(pa.array([[1]], pa.list_(pa.int64()))) == [[1]]
    assert natives(column) == [at, None]
    far = pa.array([0, 2**62], pa.int64()).view(pa.timestamp("ms"))
    assert natives(far) == [datetime.datetime(1970, 1, 1), "+146140482-04-24T15:36:27.904000"]


def test_slices_of_a_union_have_their_own_values() -> None:
    parts = [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    sparse = pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), parts)
    dense = pa.UnionArray.from_dense(pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), parts)
    assert forms(sparse.slice(1)) == ["b", 3]
    assert forms(dense.slice(1)) == ["a", 2]
