"""What holds of the schema of a tool that is not strict, whoever generated it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.answers.constraint import followed_schema
from tasks.answers.grammar import answer_grammar
from tasks.answers.schemas.followed import ANY_OBJECT
from tasks.answers.syntax import Syntax


def check_tool_schema(schema: Mapping[str, Any]) -> None:
    """Fail if such a tool would be refused, or all of its schema given up."""
    tool = {"name": "tool", "parameters": dict(schema)}
    syntax = Syntax("hermes", "no")
    assert answer_grammar(syntax, tools=[tool], required=True, parallel=False, answer=None, special={})
    followed = followed_schema({"type": "object", **schema}, strict=False)
    assert followed.keys() > ANY_OBJECT.keys() or schema.keys() <= {"type", "$schema", "title", "description"}
