"""Columns of every type of Arrow's, with the values that they have in JSON: made part by part, not by our own code."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from app.bulk import iso_times

Draw = Callable[[Any], Any]
ZONES = (None, "UTC", "Europe/Berlin", "-03:30", "Nowhere/None")
INT32, INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
DAY = 86_400
MOST_ROWS = 4


@dataclass(frozen=True, slots=True)
class Column:
    """Values as Arrow has them, and as JSON does; a float may be NaN or infinite in both."""

    array: pa.Array
    values: list[Any]


def column(draw: Draw, name: str, *, rows: int, depth: int = 2) -> Column:
    """A column of the type that a factory of pyarrow makes, its parts of any type, `depth` deep at most."""
    return FACTORIES[name](draw, rows, depth)


def any_column(draw: Draw, rows: int, depth: int) -> Column:
    """One of any type."""
    names = [name for name in FACTORIES if depth > 0 or name not in NESTED]
    return column(draw, draw(st.sampled_from(names)), rows=rows, depth=depth)


# -- what has no parts


def _leaf(
    kind: st.SearchStrategy[pa.DataType],
    values: Callable[[pa.DataType], st.SearchStrategy[Any]],
    form: Callable[[pa.DataType, Any], Any] = lambda kind, value: value,
    build: Callable[[list[Any], pa.DataType], pa.Array] = lambda values, kind: pa.array(values, kind),
) -> Callable[[Draw, int, int], Column]:
    def make(draw: Draw, rows: int, depth: int) -> Column:
        chosen = draw(kind)
        drawn = draw(st.lists(st.none() | values(chosen), min_size=rows, max_size=rows))
        forms = [None if value is None else form(chosen, value) for value in drawn]
        return Column(build(drawn, chosen), forms)

    return make


def _viewed(values: list[Any], kind: pa.DataType) -> pa.Array:
    """A column of times, from the integers that it is kept as."""
    return pa.array(values, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)


def _stored(values: list[Any], kind: pa.DataType) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))


def _just(kind: pa.DataType) -> st.SearchStrategy[pa.DataType]:
    return st.just(kind)


def _integers(kind: pa.DataType) -> Callable[[Draw, int, int], Column]:
    bits, signed = kind.bit_width, pa.types.is_signed_integer(kind)
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return _leaf(_just(kind), lambda kind: st.integers(least, most))


def _floats(kind: pa.DataType) -> Callable[[Draw, int, int], Column]:
    return _leaf(_just(kind), lambda kind: st.floats(width=kind.bit_width))


def _texts(kind: pa.DataType) -> Callable[[Draw, int, int], Column]:
    return _leaf(_just(kind), lambda kind: st.text(max_size=20))


def _bytes(*allowed: pa.DataType) -> Callable[[Draw, int, int], Column]:
    def values(kind: pa.DataType) -> st.SearchStrategy[bytes]:
        size = kind.byte_width if pa.types.is_fixed_size_binary(kind) else None
        return st.binary(min_size=size or 0, max_size=20 if size is None else size)

    return _leaf(st.sampled_from(allowed), values, lambda kind, value: base64.b64encode(value).decode())


def _decimals(make: Callable[[int, int], pa.DataType], digits: int) -> Callable[[Draw, int, int], Column]:
    def values(kind: pa.DataType) -> st.SearchStrategy[Decimal]:
        numbers = st.integers(-(10**kind.precision) + 1, 10**kind.precision - 1)
        return numbers.map(lambda number: Decimal(f"{number}E{-kind.scale}"))

    def kinds() -> st.SearchStrategy[pa.DataType]:
        precisions = st.integers(1, digits)
        return precisions.flatmap(
            lambda most: st.integers(-2 if most + 2 <= digits else 0, most).map(lambda scale: make(most, scale))
        )

    return _leaf(kinds(), values, lambda kind, value: f"{value:f}")


def _times(make: Callable[[str], pa.DataType], *units: str) -> Callable[[Draw, int, int], Column]:
    kinds = st.sampled_from([make(unit) for unit in units])
    return _leaf(
        kinds,
        lambda kind: st.integers(0, DAY * iso_times.PER_SECOND[kind.unit] - 1),
        lambda kind, value: iso_times.time(value, kind.unit),
        _viewed,
    )


_TIMESTAMPS = st.builds(pa.timestamp, st.sampled_from(list(iso_times.PER_SECOND)), st.sampled_from(ZONES))
_DURATIONS = st.sampled_from([pa.duration(unit) for unit in iso_times.PER_SECOND])
_DATE64 = st.integers(-(2**63) // (DAY * 1000) + 1, 2**63 // (DAY * 1000) - 1)
_LEAVES: dict[str, Callable[[Draw, int, int], Column]] = {
    "null": _leaf(_just(pa.null()), lambda kind: st.none()),
    "bool_": _leaf(_just(pa.bool_()), lambda kind: st.booleans()),
    **{f"int{bits}": _integers(getattr(pa, f"int{bits}")()) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": _integers(getattr(pa, f"uint{bits}")()) for bits in (8, 16, 32, 64)},
    **{f"float{bits}": _floats(getattr(pa, f"float{bits}")()) for bits in (16, 32, 64)},
    "string": _texts(pa.string()),
    "large_string": _texts(pa.large_string()),
    "string_view": _texts(pa.string_view()),
    "binary": _bytes(pa.binary(), pa.binary(0), pa.binary(3)),
    "large_binary": _bytes(pa.large_binary()),
    "binary_view": _bytes(pa.binary_view()),
    "decimal32": _decimals(pa.decimal32, 9),
    "decimal64": _decimals(pa.decimal64, 18),
    "decimal128": _decimals(pa.decimal128, 38),
    "decimal256": _decimals(pa.decimal256, 76),
    "date32": _leaf(_just(pa.date32()), lambda kind: INT32, lambda kind, value: iso_times.date(value), _viewed),
    "date64": _leaf(
        _just(pa.date64()),
        lambda kind: _DATE64.map(lambda days: days * DAY * 1000),
        lambda kind, value: iso_times.date(value // (DAY * 1000)),
        _viewed,
    ),
    "time32": _times(pa.time32, "s", "ms"),
    "time64": _times(pa.time64, "us", "ns"),
    "timestamp": _leaf(
        _TIMESTAMPS, lambda kind: INT64, lambda kind, value: iso_times.timestamp(value, kind.unit, kind.tz), _viewed
    ),
    "duration": _leaf(
        _DURATIONS, lambda kind: INT64, lambda kind, value: iso_times.duration(value, kind.unit), _viewed
    ),
    "month_day_nano_interval": _leaf(
        _just(pa.month_day_nano_interval()),
        lambda kind: st.tuples(INT32, INT32, INT64),
        lambda kind, value: iso_times.interval(*value),
    ),
    "uuid": _leaf(
        _just(pa.uuid()),
        lambda kind: st.binary(min_size=16, max_size=16),
        lambda kind, value: str(uuid.UUID(bytes=value)),
        _stored,
    ),
    "bool8": _leaf(_just(pa.bool8()), lambda kind: st.integers(-128, 127), lambda kind, value: value != 0, _stored),
    "json_": _leaf(
        st.sampled_from([pa.json_(), pa.json_(pa.large_string()), pa.json_(pa.string_view())]),
        lambda kind: st.dictionaries(st.text(max_size=3), st.integers(), max_size=2).map(json.dumps),
        build=_stored,
    ),
    "opaque": _leaf(_just(pa.opaque(pa.int32(), "kind", "maker")), lambda kind: INT32, build=_stored),
    "fixed_shape_tensor": _leaf(
        _just(pa.fixed_shape_tensor(pa.int32(), (2,))),
        lambda kind: st.lists(INT32, min_size=2, max_size=2),
        build=_stored,
    ),
}  # fmt: skip


# -- what has parts


def _nulls(draw: Draw, rows: int) -> list[bool]:
    drawn: list[bool] = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    return drawn


def _without(values: list[Any], nulls: list[bool]) -> list[Any]:
    return [None if null else value for value, null in zip(values, nulls, strict=True)]


def _cut(values: list[Any], offsets: list[int]) -> list[Any]:
    return [values[first:last] for first, last in pairwise(offsets)]


def _offsets(draw: Draw, rows: int) -> list[int]:
    sizes = draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
    return [0, *accumulate(sizes)]


def _list(made: type[pa.Array], offset: pa.DataType) -> Callable[[Draw, int, int], Column]:
    def make(draw: Draw, rows: int, depth: int) -> Column:
        offsets, nulls = _offsets(draw, rows), _nulls(draw, rows)
        inner = any_column(draw, offsets[-1], depth - 1)
        array = made.from_arrays(pa.array(offsets, offset), inner.array, mask=pa.array(nulls, pa.bool_()))
        return Column(array, _without(_cut(inner.values, offsets), nulls))

    return make


def _list_view(made: type[pa.Array], offset: pa.DataType) -> Callable[[Draw, int, int], Column]:
    def make(draw: Draw, rows: int, depth: int) -> Column:
        nulls, inner = _nulls(draw, rows), any_column(draw, 3, depth - 1)
        spans = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=rows, max_size=rows))
        firsts, sizes = (pa.array([span[part] for span in spans], offset) for part in (0, 1))
        array = made.from_arrays(firsts, sizes, inner.array, mask=pa.array(nulls, pa.bool_()))
        return Column(array, _without([inner.values[first : first + size] for first, size in spans], nulls))

    return make


def _fixed_size_list(draw: Draw, rows: int, depth: int) -> Column:
    size, nulls = draw(st.integers(0, 2)), _nulls(draw, rows)
    inner = any_column(draw, size * rows, depth - 1)
    mask = pa.array(nulls, pa.bool_())
    if not size:
        there = pa.array([not null for null in nulls], pa.bool_()).buffers()[1]
        array = pa.Array.from_buffers(pa.list_(inner.array.type, 0), rows, [there], children=[inner.array])
        return Column(array, _without([[]] * rows, nulls))
    array = pa.FixedSizeListArray.from_arrays(inner.array, size, mask=mask)
    return Column(array, _without(_cut(inner.values, list(range(0, size * rows + 1, size))), nulls))


def _any_list(draw: Draw, rows: int, depth: int) -> Column:
    name = draw(st.sampled_from(["of any size", "of one size"]))
    if name == "of one size":
        return _fixed_size_list(draw, rows, depth)
    return _list(pa.ListArray, pa.int32())(draw, rows, depth)


def _struct(draw: Draw, rows: int, depth: int) -> Column:
    names = draw(st.lists(st.sampled_from(["a", "b", "ä.b"]), max_size=3))
    parts, nulls = [any_column(draw, rows, depth - 1) for _ in names], _nulls(draw, rows)
    mask = pa.array(nulls, pa.bool_())
    if not names:
        return Column(pa.array(_without([{}] * rows, nulls), pa.struct([])), _without([{}] * rows, nulls))
    fields = [pa.field(name, part.array.type) for name, part in zip(names, parts, strict=True)]
    array = pa.StructArray.from_arrays([part.array for part in parts], fields=fields, mask=mask)
    pairs = [[[name, part.values[row]] for name, part in zip(names, parts, strict=True)] for row in range(rows)]
    values = [each if len(set(names)) < len(names) else dict(each) for each in pairs]
    return Column(array, _without(values, nulls))


def _map(draw: Draw, rows: int, depth: int) -> Column:
    keys = _not_null(any_column(draw, 2 * rows, 0))
    inner = draw(st.lists(st.integers(0, len(keys.values)), min_size=max(rows - 1, 0), max_size=max(rows - 1, 0)))
    offsets = [0, *sorted(inner), len(keys.values)] if rows else [0]
    items = any_column(draw, offsets[-1], depth - 1)
    array = pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys.array, items.array)
    pairs = [list(pair) for pair in zip(keys.values, items.values, strict=True)]
    return Column(array, _cut(pairs, offsets))


def _not_null(column: Column) -> Column:
    """What of it can be keys."""
    there = [row for row, value in enumerate(column.values) if value is not None]
    pieces = [column.array.slice(row, 1) for row in there] or [column.array.slice(0, 0)]
    return Column(pa.concat_arrays(pieces), [column.values[row] for row in there])


def _sparse_union(draw: Draw, rows: int, depth: int) -> Column:
    parts = [any_column(draw, rows, depth - 1) for _ in range(2)]
    codes = draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows))
    array = pa.UnionArray.from_sparse(pa.array(codes, pa.int8()), [part.array for part in parts])
    return Column(array, [parts[code].values[row] for row, code in enumerate(codes)])


def _dense_union(draw: Draw, rows: int, depth: int) -> Column:
    parts = [any_column(draw, 2, depth - 1) for _ in range(2)]
    codes = draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows))
    places = sorted(draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)))
    array = pa.UnionArray.from_dense(
        pa.array(codes, pa.int8()), pa.array(places, pa.int32()), [part.array for part in parts]
    )
    return Column(array, [parts[code].values[place] for code, place in zip(codes, places, strict=True)])


def _dictionary(draw: Draw, rows: int, depth: int) -> Column:
    values = any_column(draw, 3, 0)
    kind = draw(st.sampled_from([pa.int8(), pa.uint16(), pa.int32(), pa.int64()]))
    indices = draw(st.lists(st.none() | st.integers(0, 2), min_size=rows, max_size=rows))
    array = pa.DictionaryArray.from_arrays(pa.array(indices, kind), values.array, ordered=draw(st.booleans()))
    return Column(array, [None if index is None else values.values[index] for index in indices])


def _run_end_encoded(draw: Draw, rows: int, depth: int) -> Column:
    kind = draw(st.sampled_from([pa.int16(), pa.int32(), pa.int64()]))
    ends = sorted({1, rows} - {0}) if rows else []
    values = any_column(draw, len(ends), depth - 1)
    array = pa.RunEndEncodedArray.from_arrays(pa.array(ends, kind), values.array)
    return Column(array, [values.values[min(row, 1)] for row in range(rows)])


NESTED: dict[str, Callable[[Draw, int, int], Column]] = {
    "list_": _any_list,
    "large_list": _list(pa.LargeListArray, pa.int64()),
    "list_view": _list_view(pa.ListViewArray, pa.int32()),
    "large_list_view": _list_view(pa.LargeListViewArray, pa.int64()),
    "struct": _struct,
    "map_": _map,
    "sparse_union": _sparse_union,
    "dense_union": _dense_union,
    "dictionary": _dictionary,
    "run_end_encoded": _run_end_encoded,
}
FACTORIES = {**_LEAVES, **NESTED}
"""By the names of pyarrow's functions."""
