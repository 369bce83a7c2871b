"""What is followed of schemas as generators write them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tasks.answers.constraint import GrammarError, followed_schema, from_json_schema
from tests.support.allowed import allows

OF_NOTHING: list[dict[str, Any]] = [
    {"type": "array", "uniqueItems": False},
    {"type": "array", "contains": {"const": 1}, "minContains": 0},
    {"type": "array", "minContains": 2},
    {"if": {"const": 1}},
    {"then": {"const": 1}},
    {"if": {"const": 1}, "then": True, "else": {}},
    {"not": False},
    {"type": "object", "dependentRequired": {}},
    {"type": "object", "dependentRequired": {"a": []}},
    {"type": "object", "dependentSchemas": {"a": True}},
    {"type": "object", "unevaluatedProperties": True},
    {"type": "array", "unevaluatedItems": {}},
    {"type": "object", "propertyNames": {"type": "string"}},
    {"type": "string", "format": "path"},
    {"type": "string", "format": "binary"},
    {"type": "string", "format": "password"},
    {"type": "integer", "format": "int64"},
    {"type": "string", "format": "whatever"},
    {"type": "string", "pattern": None, "maxLength": None},
    {"type": "string", "minLength": 0.0},
    {"$schema": "https://example.org/no-such-draft", "type": "string"},
]
CANNOT: list[tuple[str, dict[str, Any]]] = [
    ("pattern", {"type": "string", "pattern": r"^(?!\.)[a-z.]+$"}),
    ("pattern", {"type": "string", "pattern": r"\bword\b"}),
    ("pattern", {"type": "string", "pattern": r"(a)\1"}),
    ("pattern", {"type": "string", "pattern": "(?>a)b"}),
    ("pattern", {"type": "string", "pattern": r"a\Z"}),
    ("pattern", {"type": "string", "pattern": "[^]"}),
    ("type", {"type": "file"}),
    ("$ref", {"$ref": "#/$defs/nothing"}),
    ("minimum", {"type": "integer", "minimum": 5, "maximum": 2}),
    ("minLength", {"type": "string", "minLength": 5, "maxLength": 2}),
    ("allOf", {"allOf": [{"type": "string"}, {"type": "integer"}]}),
    ("uniqueItems", {"type": "array", "uniqueItems": True}),
    ("not", {"not": {"type": "string"}}),
    ("contains", {"type": "array", "contains": {"type": "integer"}}),
    ("anyOf", {"anyOf": []}),
    ("minLength", {"type": "string", "minLength": -1}),
    ("enum", {"enum": "abc"}),
    ("const", {"const": 2**53 + 1}),
    ("maximum", {"type": "integer", "maximum": 2**60 + 5}),
]


@pytest.mark.parametrize("schema", OF_NOTHING, ids=json.dumps)
def test_a_keyword_that_asks_for_nothing_is_no_error(schema: dict[str, Any]) -> None:
    for strict in (True, False):
        from_json_schema(schema, strict=strict)
        from_json_schema({"properties": {"a": schema}, "required": ["a"]}, strict=strict)


@pytest.mark.parametrize(("keyword", "schema"), CANNOT, ids=[json.dumps(schema) for _, schema in CANNOT])
def test_what_cannot_be_followed_is_named_with_its_path_or_left_to_the_model(
    keyword: str, schema: dict[str, Any]
) -> None:
    whole = {"type": "object", "properties": {"b": schema, "a": {"type": "integer"}}, "required": ["a", "b"]}
    with pytest.raises(GrammarError, match=rf"'{re.escape(keyword)}' at #/properties/b:"):
        from_json_schema(whole)
    grammar = from_json_schema(whole, strict=False)
    assert not allows(grammar, '{"b": "x", "a": "x"}')
    assert any(allows(grammar, f'{{"b": {value}, "a": 1}}') for value in ('"xyz"', "3", "[1, 1]"))


def test_only_the_keyword_that_cannot_be_followed_is_left_to_the_model() -> None:
    schema = {"type": "string", "format": "date", "pattern": "(?=x)y"}
    assert followed_schema(schema, strict=False) == {"type": "string", "format": "date"}


def test_a_schema_of_which_nothing_can_be_followed_asks_for_an_object() -> None:
    assert followed_schema({"enum": ["x" * 60_000], "$ref": 7, "type": 3}, strict=False)
    huge = {f"p{number}": {"type": "string", "pattern": "(?!x)"} for number in range(1200)}
    assert followed_schema({"properties": huge}, strict=False)["type"] == "object"


@pytest.mark.parametrize(
    ("schema", "taken", "refused"),
    [
        (
            {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
            [0, -(10**18), 2**63 - 1],
            [2**63, -(2**63) - 1],
        ),
        ({"type": "integer", "minimum": 0, "maximum": 2**64 - 1}, [0, 2**53 + 1], [-1, 2**64]),
        ({"type": "integer", "maximum": 2**53 + 2}, [2**53 + 1, 2**53 + 2], [2**53 + 3]),
        ({"type": "integer", "minimum": -(2**53) - 2}, [-(2**53) - 1], [-(2**53) - 3]),
        ({"type": "integer", "exclusiveMaximum": 2**53 + 3}, [2**53 + 2], [2**53 + 3]),
        ({"type": "integer", "exclusiveMaximum": 10, "maximum": 4}, [4], [5]),
        ({"type": "integer", "exclusiveMinimum": 2.5}, [3], [2]),
        ({"type": "number", "minimum": -1.7976931348623157e308, "maximum": 1.7976931348623157e308}, [0, -1.5], []),
        ({"type": "number", "minimum": 5e-324}, [0.5, 3], [0, -1]),
        ({"type": "integer", "minimum": 5, "exclusiveMinimum": True}, [6], [5]),
    ],
)
def test_bounds_of_64_bits_are_kept(schema: dict[str, Any], taken: list[float], refused: list[float]) -> None:
    for strict in (True, False):
        grammar = from_json_schema(schema, strict=strict)
        assert [value for value in taken if not allows(grammar, str(value))] == []
        assert [value for value in refused if allows(grammar, str(value))] == []


COLOURS = {"Colour": {"type": "string", "enum": ["red", "green"]}}


@pytest.mark.parametrize(
    "names",
    [{"enum": ["red", "green"]}, {"$ref": "#/$defs/Colour"}, {"pattern": "^(red|green)$"}, {"const": "red"}],
)
def test_names_of_properties_may_be_listed_or_have_a_pattern(names: dict[str, Any]) -> None:
    schema = {"type": "object", "propertyNames": names, "additionalProperties": {"type": "integer"}, "$defs": COLOURS}
    grammar = from_json_schema(schema)
    assert allows(grammar, '{"red": 1}')
    assert not allows(grammar, '{"blue": 1}')
    assert not allows(grammar, '{"red": "x"}')


OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
ONE, TWO = '{"a": 1}', '{"a": 1, "b": 2}'


@pytest.mark.parametrize(
    "schema",
    [
        OBJECT,
        {"$ref": "#/$defs/O", "$defs": {"O": OBJECT}},
        {"allOf": [{"$ref": "#/$defs/O"}], "$defs": {"O": OBJECT}},
        {"anyOf": [OBJECT, {"type": "null"}]},
        {**OBJECT, "anyOf": [{"required": ["a"]}]},
        {"oneOf": [OBJECT, {"type": "string"}]},
    ],
)
def test_an_object_that_lists_its_properties_has_no_others(schema: dict[str, Any]) -> None:
    grammar = from_json_schema(schema)
    assert allows(grammar, ONE)
    assert not allows(grammar, TWO)


B = {"properties": {"b": {"type": "integer"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": True},
        {**OBJECT, "additionalProperties": True},
        {**OBJECT, "patternProperties": {"^b$": {}}},
        {"allOf": [OBJECT, B]},
        {"allOf": [{"$ref": "#/$defs/O"}, B], "$defs": {"O": OBJECT}},
        {**OBJECT, "anyOf": [B, {"required": ["a"]}]},
    ],
)
def test_an_object_that_may_have_others_stays_open(schema: dict[str, Any]) -> None:
    grammar = from_json_schema(schema)
    assert allows(grammar, ONE)
    assert allows(grammar, TWO)


def test_a_property_that_is_required_and_not_listed_can_be_written() -> None:
    grammar = from_json_schema({**OBJECT, "required": ["a", "b"]})
    assert allows(grammar, TWO)
    assert not allows(grammar, '{"a": 1, "b": 2, "c": 3}')
