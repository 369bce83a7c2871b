"""The columns of a schema's answers, and answers that were cut."""

from __future__ import annotations

from typing import Any

import pytest

from app.bulk.answer import Answer
from app.bulk.asking import RowError
from app.bulk.columns import AnswerColumns
from app.bulk.row_groups import Rows

LABEL = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
SCORE = {"type": "object", "properties": {"score": {"type": "number"}, "label": {"type": "string"}}}
DEFS = {"R": LABEL, "S": SCORE, "to/it": LABEL, "Loop": {"$ref": "#/$defs/Loop"}}


def types(schema: dict[str, Any]) -> dict[str, str]:
    return {field.name: str(field.type) for field in AnswerColumns.of(schema, "answer").schema}


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"$ref": "#/$defs/R", "$defs": DEFS}, {"label": "string"}),
        ({"$ref": "#/$defs/to~1it", "$defs": DEFS}, {"label": "string"}),
        ({"$ref": "#r", "$defs": {"R": {"$anchor": "r", **LABEL}}}, {"label": "string"}),
        (
            {"anyOf": [{"$ref": "#/$defs/R"}, {"$ref": "#/$defs/S"}], "$defs": DEFS},
            {"label": "string", "score": "double"},
        ),
        ({"oneOf": [LABEL, SCORE]}, {"label": "string", "score": "double"}),
        ({"allOf": [LABEL, SCORE]}, {"label": "string", "score": "double"}),
        ({**LABEL, "anyOf": [{"required": ["label"]}, {"required": []}]}, {"label": "string"}),
        ({"anyOf": [LABEL, {"properties": {"label": {"type": "integer"}}}]}, {"label": "string"}),
        ({"anyOf": [LABEL, {"type": "null"}]}, {"answer": "string"}),
        ({"$ref": "#/$defs/Loop", "$defs": DEFS}, {"answer": "string"}),
        ({"$ref": "elsewhere.json"}, {"answer": "string"}),
        ({"type": "object", "properties": {}}, {"answer": "string"}),
        ({"type": ["object", "null"], "properties": {"a": {}}}, {"answer": "string"}),
        ({"type": "integer"}, {"answer": "int64"}),
        ({"type": "array", "items": {"type": "string"}}, {"answer": "list<item: string>"}),
        ({"enum": ["yes", "no"]}, {"answer": "string"}),
        ({}, {"answer": "string"}),
    ],
)  # fmt: skip
def test_columns_are_those_of_references_and_branches_or_one_for_the_whole_answer(
    schema: dict[str, Any], found: dict[str, str]
) -> None:
    assert types(schema) == found


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int64"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "double"),
        ({"type": ["string", "null"]}, "string"),
        ({"$ref": "#/$defs/N", "description": "how many"}, "int64"),
        ({"allOf": [{"$ref": "#/$defs/N"}]}, "int64"),
        ({"const": 3}, "int64"),
        ({"enum": [True, None]}, "bool"),
        ({"type": "array", "items": {"type": ["number", "null"]}}, "list<item: double>"),
    ],
)
def test_a_property_has_the_type_that_its_schema_comes_to(schema: dict[str, Any], found: str) -> None:
    defs = {"N": {"type": "integer"}}
    assert types({"type": "object", "properties": {"x": schema}, "$defs": defs}) == {"x": found}


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "array"}, [1, "a"], '[1, "a"]'),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "1", '"1"'),
        ({}, 1.5, "1.5"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}, ["a", 1], '["a", 1]'),
    ],
)
def test_a_value_of_no_one_type_is_json_in_a_text(schema: dict[str, Any], value: Any, text: str) -> None:
    columns = AnswerColumns.of({"type": "object", "properties": {"x": schema}}, "answer")
    assert Rows([{"x": value}]).table(columns.schema).to_pylist() == [{"x": text}]


ROOTS = [
    {"$ref": "#/$defs/R", "$defs": DEFS}, {"anyOf": [LABEL, SCORE]}, {"oneOf": [LABEL, {"type": "null"}]},
    {"type": "array", "items": {"type": "string"}}, {"type": "string"}, {},
]  # fmt: skip


@pytest.mark.parametrize("schema", ROOTS)
@pytest.mark.parametrize("reason", ["length", "stop"])
@pytest.mark.parametrize("text", ['{ "label', '{"label": "a"', '["a", ', '"a', "", "nul"])
def test_json_that_was_cut_is_no_answer(schema: dict[str, Any], reason: str, text: str) -> None:
    with pytest.raises(RowError) as failed:
        AnswerColumns.of(schema, "answer").check(Answer(text=text, finish_reason=reason))
    assert failed.value.code == "answer_cut"


def test_a_number_may_have_been_cut_and_what_has_an_end_was_not() -> None:
    columns = AnswerColumns.of({"type": "integer"}, "answer")
    columns.check(Answer(text="12", finish_reason="stop"))
    with pytest.raises(RowError, match="cut"):
        columns.check(Answer(text="12", finish_reason="length"))
    for schema, text in ((LABEL, '{"label": "a"}'), ({"type": "array"}, "[1]"), ({"type": "string"}, '"a"')):
        AnswerColumns.of(schema, "answer").check(Answer(text=text, finish_reason="length"))


@pytest.mark.parametrize(
    "text", ['{"score": 1e400}', '{"score": NaN}', '{"label": "\\ud800"}', '{"score": "a"}', "[1]"]
)
def test_an_answer_that_would_be_lost_is_none(text: str) -> None:
    with pytest.raises(RowError) as failed:
        AnswerColumns.of(SCORE, "answer").check(Answer(text=text, finish_reason="stop"))
    assert failed.value.code == "answer_invalid"
