"""The columns that answers become, and their types."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from app.bulk.answer import Answer
from app.bulk.asking import RowError
from app.bulk.row_groups import NO_TYPE as _NO_TYPE
from app.bulk.row_groups import Chunk

_SIMPLE = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
FAILURE = pa.schema([("error_code", pa.string()), ("error_message", pa.string())])


@dataclass(frozen=True, slots=True)
class AnswerColumns:
    """A column for each property of the schema, or one for the text and one for why it ended."""

    schema: pa.Schema
    structured: bool

    @classmethod
    def of(cls, schema: Mapping[str, Any] | None, column: str) -> AnswerColumns:
        """Those of a JSON schema, or of plain text, which goes to `column`."""
        if schema is None:
            return cls(pa.schema([(column, pa.string()), ("finish_reason", pa.string())]), structured=False)
        if not isinstance(schema.get("properties"), dict):
            return cls(pa.schema([(column, pa.string())]), structured=False)
        return cls(pa.schema([(name, _type(each)) for name, each in schema["properties"].items()]), structured=True)

    def check(self, answer: Answer) -> None:
        """Raise RowError for an answer that does not go into them: one that was cut, or has a number beyond all."""
        if not self.structured:
            return
        try:
            values = self.values(answer)
            for field in self.schema:
                pa.array([values[field.name]], field.type) if field.type != pa.string() else None
        except (ValueError, TypeError, AttributeError, pa.ArrowException, OverflowError) as exc:
            if answer.finish_reason == "length":
                raise RowError("The answer was cut before its end; raise --max-tokens.", "answer_cut") from exc
            raise RowError(f"The answer does not fit its columns: {exc}", "answer_invalid") from exc

    def values(self, answer: Answer) -> dict[str, Any]:
        """What an answer puts into them."""
        if self.structured:
            as_bulk_error = json.loads(answer.text)
            return {name: as_bulk_error.get(name) for name in self.schema.names}
        return dict(zip(self.schema.names, (answer.text, answer.finish_reason), strict=False))


def failure(answer: Answer) -> dict[str, Any]:
    """What is told of a row that failed."""
    return {"error_code": answer.code, "error_message": answer.message}


def _type(schema: Any) -> pa.DataType:
    """The type of a property; one that has none of its own is JSON in a text."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind == "array":
        items = _type(schema.get("items"))
        return pa.list_(items)
    if isinstance(kind, list) and len(kind) == 2 and "null" in kind:  # columns may hold nulls anyway
        kind = next(each for each in kind if each != "null")
    if isinstance(schema, dict) and "enum" in schema and all(isinstance(each, str) for each in schema["enum"]):
        return pa.string()
    return _SIMPLE.get(kind, pa.string()) if isinstance(kind, str) else pa.string()


def infer(chunks: Callable[[], Iterator[Chunk]], names: Iterable[str]) -> pa.Schema:
    """The types of rows that do not say them. A column of values that no type holds together is JSON in texts.

    Args:
        chunks: gives the rows, twice: once to find the types, once to see that they hold.
    """
    found: dict[str, pa.DataType] = {name: pa.null() for name in names}
    for chunk in chunks():
        for name, each in chunk.types().items():
            found[name] = _both(found[name], each)
    found = {name: _plain(each) for name, each in found.items()}
    for chunk in chunks():
        for name, each in found.items():
            if not _holds(chunk, pa.field(name, each)):
                found[name] = pa.string()
    return pa.schema(list(found.items()))


def _holds(chunk: Chunk, field: pa.Field) -> bool:
    try:
        chunk.table(pa.schema([field]))
    except _NO_TYPE:
        return False
    return True


def _both(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds the values of both."""
    try:
        fields = [pa.schema([("x", each)]) for each in (one, other)]
        return pa.unify_schemas(fields, promote_options="permissive").field("x").type
    except _NO_TYPE:
        return pa.string()


def _plain(kind: pa.DataType) -> pa.DataType:
    """A type that a file can have: nothing of null alone, and no struct without fields."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        fields = [pa.field(each.name, _plain(each.type)) for each in kind]
        return pa.struct(fields) if fields else pa.string()
    return kind
