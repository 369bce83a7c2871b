"""What constraints are taken, and what is said of those that are not."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.answers.constraint import MAX_BYTES, GrammarError, from_json_schema, from_text
from tests.support.random_schemas import random_schema


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strin"}, "strin"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"not": {"type": "string"}}, "not"),
        ({"$ref": "http://127.0.0.1/schema"}, "not present"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "unsatisfiable"),
        ({"type": "string", "minLength": 5, "maxLength": 2}, "nsatisfiable"),
        ({"enum": ["x" * MAX_BYTES]}, "longer"),
        ({"const": "\ud800"}, "escape"),
        ({"type": "integer", "minimum": 10**30}, "'minimum' at #: .* exact"),
        ({"not": {}, "x-guidance": {"lenient": True}}, "not"),
    ],
)
def test_a_schema_that_cannot_be_followed_is_refused_with_the_reason(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(GrammarError, match=said):
        from_json_schema(schema)


def test_a_grammar_that_is_too_long_is_refused_before_anything_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.answers.constraint.to_lark", lambda text: pytest.fail("it was converted"))
    with pytest.raises(GrammarError, match="longer"):
        from_text("root ::= " + '"x" | ' * MAX_BYTES)


@pytest.mark.parametrize("least", [-(2**63), -(2**63) + 1, -(2**63) + 512])
def test_a_constant_that_would_end_the_process_is_refused(least: int) -> None:
    for schema in ({"const": least}, {"enum": [1, least]}, {"properties": {"a": {"const": {"b": [least]}}}}):
        with pytest.raises(GrammarError, match="exact as a 64-bit float"):
            from_json_schema(schema)
    with pytest.raises(GrammarError, match="64 bits"):
        from_text(f'start: %json {{"const": {least}}}')
    assert from_json_schema({"const": -9 * 10**18})


def test_a_schema_over_which_llguidance_panics_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GrammarError, match="cannot read"):
        from_json_schema({"type": "object", "required": "é" * 200})
    assert "not a char boundary" in capfd.readouterr().err


@pytest.mark.parametrize("seed", range(20))
def test_schemas_of_the_usual_keywords_are_taken(seed: int) -> None:
    assert from_json_schema(random_schema(seed))


def test_a_grammar_may_be_written_as_llama_cpp_reads_it() -> None:
    assert from_text('root ::= "yes" | "no" ws\nws ::= [ \\t]*')


def test_a_grammar_may_be_written_in_lark() -> None:
    assert from_text('start: "yes" | /[0-9]+/')


@pytest.mark.parametrize("text", ["root ::= (((", "root ::= missing", "start: missing", "", "{", "\0", "(" * 5000])
def test_a_grammar_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(GrammarError):
        from_text(text)
