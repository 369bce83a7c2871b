"""The columns that answers become, and what of an answer goes into them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa

from app.bulk.answer import Answer
from app.bulk.answer_schema import AnswerSchema
from app.bulk.asking import RowError
from app.bulk.column_types import NO_TYPE
from app.bulk.row_groups import Rows

FAILURE = ("error_code", "error_message")


class Filled(Enum):
    """What fills the columns."""

    TEXT = "the answer's text, and why it ended"
    PROPERTIES = "the answer's properties"
    WHOLE = "the answer as JSON"


@dataclass(frozen=True, slots=True)
class AnswerColumns:
    """A column for each property of the schema, or one for the text and one for why it ended."""

    schema: pa.Schema
    filled: Filled

    @classmethod
    def of(cls, schema: Mapping[str, Any] | None, column: str) -> AnswerColumns:
        """Those of a JSON schema, or of plain text, which goes to `column`, as JSON without properties does."""
        if schema is None:
            return cls(pa.schema([(column, pa.string()), ("finish_reason", pa.string())]), Filled.TEXT)
        fields, properties = AnswerSchema(schema).fields(column)
        return cls(fields, Filled.PROPERTIES if properties else Filled.WHOLE)

    def check(self, answer: Answer) -> None:
        """Raise RowError for an answer that does not go into them: one that was cut, or has a number beyond all."""
        if self.filled is Filled.TEXT:
            return
        if _is_cut(answer):
            raise RowError("The answer was cut before its end; give it more --max-tokens.", "answer_cut")
        try:
            values = self.values(answer)
            if not _is_finite(values):
                raise ValueError("a number is beyond all floats")
            Rows([values]).table(self.schema)
        except (*NO_TYPE, AttributeError) as exc:
            raise RowError(f"The answer does not fit its columns: {exc}", "answer_invalid") from exc

    def values(self, answer: Answer) -> dict[str, Any]:
        """What an answer puts into them. Raises ValueError for one that `check` has not let pass."""
        if self.filled is Filled.TEXT:
            return dict(zip(self.schema.names, (answer.text, answer.finish_reason), strict=True))
        parsed = json.loads(answer.text)
        if self.filled is Filled.WHOLE:
            return dict.fromkeys(self.schema.names, parsed)
        return {name: parsed.get(name) for name in self.schema.names}


def _is_cut(answer: Answer) -> bool:
    """Whether JSON ends too early. A number that ran out of tokens may have had more digits."""
    try:
        parsed = json.loads(answer.text)
    except (ValueError, RecursionError):
        return True
    is_number = isinstance(parsed, int | float) and not isinstance(parsed, bool)
    return is_number and answer.finish_reason == "length"


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return all(map(_is_finite, value.values())) if isinstance(value, dict) else True


def failure_columns(names: Iterable[str]) -> pa.Schema:
    """The columns of why rows failed, beside the input's: `error_code`, or `error_code_2` where that is taken."""
    taken = set(names)
    return pa.schema([(_free(name, taken), pa.string()) for name in FAILURE])


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def failure(answer: Answer, columns: pa.Schema) -> dict[str, Any]:
    """What is told of a row that failed."""
    return dict(zip(columns.names, (answer.code, answer.message), strict=True))
