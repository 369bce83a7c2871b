"""A column of Arrow's as JSON's values: every type has a form. docs/bulk.md has the table of them.

`forms` never fails for a value. A type that is not known here, of a later Arrow, is the text that Arrow has for it.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.types as kinds

from app.bulk import iso_times

Leaf = Callable[[pa.Array], list[Any]]


def forms(column: pa.Array) -> list[Any]:
    """The values as JSON has them. A float may be NaN or infinite, a text may have half a surrogate pair."""
    return walk(column, leaf_forms)


def walk(column: pa.Array, leaf: Leaf) -> list[Any]:
    """The values of a column whose parts that have no parts are made by `leaf`."""
    kind = column.type
    for is_kind, values in _NESTED:
        if is_kind(kind):
            return values(column, leaf)
    return leaf(column)


# -- what has parts


def _list(column: pa.Array, leaf: Leaf) -> list[Any]:
    offsets = column.offsets.to_pylist()
    return _cut(column, column.values, list(pairwise(offsets)), leaf)


def _list_view(column: pa.Array, leaf: Leaf) -> list[Any]:
    spans = zip(column.offsets.to_pylist(), column.sizes.to_pylist(), strict=True)
    return _cut(column, column.values, [(first, first + size) for first, size in spans], leaf)


def _fixed_size_list(column: pa.Array, leaf: Leaf) -> list[Any]:
    size = column.type.list_size
    spans = [(row * size, row * size + size) for row in range(column.offset, column.offset + len(column))]
    return _cut(column, column.values, spans, leaf)


def _map(column: pa.Array, leaf: Leaf) -> list[Any]:
    spans = list(pairwise(column.offsets.to_pylist()))
    keys, items = (_cut(column, each, spans, leaf) for each in (column.keys, column.items))
    return [
        None if key is None else [list(pair) for pair in zip(key, item, strict=True)]
        for key, item in zip(keys, items, strict=True)
    ]


def _cut(column: pa.Array, values: pa.Array, spans: Sequence[tuple[int, int]], leaf: Leaf) -> list[Any]:
    """The lists whose values lie between such indexes; the span of a null may be any."""
    whole = [span if there else None for span, there in zip(spans, column.is_valid().to_pylist(), strict=True)]
    first = min((span[0] for span in whole if span), default=0)
    last = max((span[1] for span in whole if span), default=first)
    flat = walk(values.slice(first, last - first), leaf)
    return [None if span is None else flat[span[0] - first : span[1] - first] for span in whole]


def _struct(column: pa.Array, leaf: Leaf) -> list[Any]:
    """One object a row. Not by `flatten`: in pyarrow 26.0.1 it may end the process."""
    names = [field.name for field in column.type]
    members = [walk(column.field(index), leaf) for index in range(len(names))]
    rows: list[Any] = list(zip(*members, strict=True)) if members else [()] * len(column)
    twice = len(set(names)) < len(names)
    made = [
        [list(pair) for pair in zip(names, row, strict=True)] if twice else dict(zip(names, row, strict=True))
        for row in rows
    ]
    return [row if there else None for row, there in zip(made, column.is_valid().to_pylist(), strict=True)]


def _union(column: pa.Array, leaf: Leaf) -> list[Any]:
    """The value that is there; a union itself is never null.

    pyarrow 26.0.1 gives `type_codes` and `offsets` of a slice from the whole's beginning: they are read from buffers.
    """
    branches = [walk(column.field(index), leaf) for index in range(column.type.num_fields)]
    by_code = dict(zip(column.type.type_codes, branches, strict=True))
    buffers, size, offset = column.buffers(), len(column), column.offset
    codes = pa.Array.from_buffers(pa.int8(), size, [None, buffers[1]], offset=offset).to_pylist()
    places: Sequence[int] = range(size)
    if column.type.mode == "dense":
        places = pa.Array.from_buffers(pa.int32(), size, [None, buffers[2]], offset=offset).to_pylist()
    return [by_code[code][place] for code, place in zip(codes, places, strict=True)]


def _dictionary(column: pa.Array, leaf: Leaf) -> list[Any]:
    values = walk(column.dictionary, leaf)
    return [None if index is None else values[index] for index in column.indices.to_pylist()]


def _run_end_encoded(column: pa.Array, leaf: Leaf) -> list[Any]:
    values, made, at = walk(column.values, leaf), [], column.offset
    for value, end in zip(values, column.run_ends.to_pylist(), strict=True):
        run = min(end, column.offset + len(column)) - at
        if run > 0:
            made += [value] * run
            at += run
    return made


def _extension(column: pa.Array, leaf: Leaf) -> list[Any]:
    values = walk(column.storage, leaf)
    if isinstance(column.type, pa.Bool8Type):
        return [None if value is None else value != 0 for value in values]
    if isinstance(column.type, pa.UuidType):
        raw = column.storage.to_pylist()
        return [None if value is None else str(uuid.UUID(bytes=value)) for value in raw]
    return values


def _is_extension(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType)


def _is_list(kind: pa.DataType) -> bool:
    return bool(kinds.is_list(kind) or kinds.is_large_list(kind))


def _is_list_view(kind: pa.DataType) -> bool:
    return bool(kinds.is_list_view(kind) or kinds.is_large_list_view(kind))


_NESTED: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array, Leaf], list[Any]]], ...] = (
    (_is_extension, _extension),
    (_is_list, _list),
    (_is_list_view, _list_view),
    (kinds.is_fixed_size_list, _fixed_size_list),
    (kinds.is_map, _map),
    (kinds.is_struct, _struct),
    (kinds.is_union, _union),
    (kinds.is_dictionary, _dictionary),
    (kinds.is_run_end_encoded, _run_end_encoded),
)


# -- what has none


def leaf_forms(column: pa.Array) -> list[Any]:
    kind = column.type
    for is_kind, values in _LEAVES:
        if is_kind(kind):
            return values(column)
    return _arrows_own(column)


def _plain(column: pa.Array) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


def _text(column: pa.Array) -> list[Any]:
    """Texts; a byte that is no UTF-8, which Arrow does not look for, becomes half a surrogate pair."""
    try:
        return _plain(column)
    except UnicodeDecodeError:
        return _each(column.cast(pa.large_binary()), lambda value: value.decode(errors="surrogateescape"))


def _binary(column: pa.Array) -> list[Any]:
    return _each(column, lambda value: base64.b64encode(value).decode())


def _decimal(column: pa.Array) -> list[Any]:
    return _each(column, lambda value: f"{value:f}")


def _date(column: pa.Array) -> list[Any]:
    a_day = 1 if kinds.is_date32(column.type) else 86_400_000
    return _each(_numbers(column), lambda value: iso_times.date(value // a_day))


def _time(column: pa.Array) -> list[Any]:
    unit = column.type.unit
    return _each(_numbers(column), lambda value: iso_times.time(value, unit))


def _timestamp(column: pa.Array) -> list[Any]:
    unit, zone = column.type.unit, column.type.tz
    return _each(_numbers(column), lambda value: iso_times.timestamp(value, unit, zone))


def _duration(column: pa.Array) -> list[Any]:
    unit = column.type.unit
    return _each(_numbers(column), lambda value: iso_times.duration(value, unit))


def _interval(column: pa.Array) -> list[Any]:
    return _each(column, lambda value: iso_times.interval(*value))


def _arrows_own(column: pa.Array) -> list[Any]:
    """What Arrow has to say of a value whose type is not known here."""
    return [str(value) if value.is_valid else None for value in column]


def _numbers(column: pa.Array) -> pa.Array:
    """The integers that a time is kept as."""
    return column.view(pa.int32() if column.type.bit_width == 32 else pa.int64())


def _each(column: pa.Array, form: Callable[[Any], Any]) -> list[Any]:
    return [None if value is None else form(value) for value in column.to_pylist()]


def _is_plain(kind: pa.DataType) -> bool:
    return bool(kinds.is_null(kind) or kinds.is_boolean(kind) or kinds.is_integer(kind) or kinds.is_floating(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def is_binary(kind: pa.DataType) -> bool:
    return bool(
        kinds.is_binary(kind)
        or kinds.is_large_binary(kind)
        or kinds.is_fixed_size_binary(kind)
        or kinds.is_binary_view(kind)
    )


_LEAVES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[Any]]], ...] = (
    (_is_plain, _plain),
    (_is_text, _text),
    (is_binary, _binary),
    (kinds.is_decimal, _decimal),
    (kinds.is_date, _date),
    (kinds.is_time, _time),
    (kinds.is_timestamp, _timestamp),
    (kinds.is_duration, _duration),
    (lambda kind: kind == pa.month_day_nano_interval(), _interval),
)
