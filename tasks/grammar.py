"""Constraints on generated text: JSON schemas and grammars, in the form that llguidance reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llguidance import LLMatcher
from llguidance.gbnf_to_lark import any_to_lark

MAX_BYTES = 65_536
"""Longest grammar. Compiling one takes time that grows with it."""

_BLANKS = r"( |\n[ \t]{0,40})?"
"""Between the parts of JSON: nothing, a space, or a new line with its indent; not blanks for ever."""


class GrammarError(ValueError):
    """Raised for a schema or grammar that cannot be followed; the message says why."""


def from_json_schema(schema: Mapping[str, Any]) -> str:
    """The grammar of the instances of a JSON schema.

    Which keywords are supported is llguidance's matter; one that is not is an error, never ignored.
    """
    options: Any = {"whitespace_pattern": _BLANKS, "lenient": False, "coerce_one_of": False}
    try:
        grammar = LLMatcher.grammar_from_json_schema(dict(schema), overrides=options)
    except ValueError as exc:  # a lone surrogate, or an integer beyond 64 bits
        raise GrammarError(str(exc)) from exc
    return _checked(grammar)


def from_text(text: str) -> str:
    """The grammar of a text in GBNF, as llama.cpp reads it, or in llguidance's variant of Lark."""
    _check_length(text)  # before the conversion, which takes a second for a megabyte and is bounded by nothing else
    try:
        lark = any_to_lark(text)
    except Exception as exc:  # llguidance's converter raises that itself
        raise GrammarError(str(exc)) from exc
    return _checked(LLMatcher.grammar_from_lark(lark))


def _checked(grammar: str) -> str:
    _check_length(grammar)
    failed, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    if failed:
        raise GrammarError(messages[0])
    return grammar


def _check_length(text: str) -> None:
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise GrammarError(f"it is longer than {MAX_BYTES} bytes")
