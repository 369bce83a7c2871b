"""Constraints on generated text: JSON schemas and grammars, in the form that llguidance reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from llguidance import LLMatcher
from llguidance.gbnf_to_lark import is_lark_syntax

from tasks.answers.gbnf import GbnfError, to_lark
from tasks.answers.schemas.followed import Unfollowed, followed

MAX_BYTES = 65_536
"""Longest grammar. Compiling one takes time that grows with it."""

MOST_LARGER = 8
"""How many times as long a grammar in GBNF may be in Lark, where each character is a name."""

_BLANKS = r"( |\n[ \t]{0,40})?"
"""Between the parts of JSON: nothing, a space, or a new line with its indent; not blanks for ever."""


_LARGE_NEGATIVE = re.compile(r"-9223372036854\d{6}(?!\d)")


class GrammarError(ValueError):
    """Raised for a schema or grammar that cannot be followed; the message says why."""


def from_json_schema(schema: Mapping[str, Any], *, strict: bool = True) -> str:
    """The grammar of the instances of a JSON schema. Raises GrammarError."""
    return _from_schema(followed_schema(schema, strict=strict), strict=strict)


def followed_schema(schema: Mapping[str, Any], *, strict: bool) -> dict[str, Any]:
    """A schema as it is followed: its objects closed, and what asks for nothing left out.

    Which keywords can be followed is llguidance's matter. One that cannot is an error, which names it and where it
    stands, or, if the schema need not be followed strictly, left to the model. Raises GrammarError.
    """
    try:
        _check_length(json.dumps(schema))
        return followed(schema, lambda tried: _refusal(tried, strict=strict), strict=strict)
    except Unfollowed as exc:
        raise GrammarError(str(exc.args[0])) from None
    except RecursionError:
        raise GrammarError("it is nested too deeply") from None


def from_text(text: str) -> str:
    """The grammar of a text in GBNF, as llama.cpp reads it, or in llguidance's variant of Lark."""
    _check_length(text)  # before the conversion
    if is_lark_syntax(text):
        return _checked(LLMatcher.grammar_from_lark(text))
    try:
        lark = to_lark(text)
    except GbnfError as exc:
        raise GrammarError(str(exc)) from exc
    return _checked(LLMatcher.grammar_from_lark(lark), MOST_LARGER * MAX_BYTES)


def lark_term(schema: Mapping[str, Any], *, strict: bool) -> str:
    """The instances of a JSON schema that can be followed, as a term of a Lark grammar."""
    return "%json " + json.dumps({**schema, "x-guidance": _options(strict)})


def from_lark(rules: str, *, answer: str | None = None, max_bytes: int = MAX_BYTES) -> str:
    """The grammar of Lark rules, in which ``@answer`` is another one of these grammars."""
    if answer is None:
        return _checked(LLMatcher.grammar_from_lark(rules), max_bytes)
    other = json.loads(answer)["grammars"][0] if answer.startswith("{") else {"lark_grammar": answer}
    grammars = [{"lark_grammar": rules}, {**other, "name": "answer"}]
    return _checked(json.dumps({"grammars": grammars}), max_bytes)


def _options(strict: bool) -> dict[str, Any]:
    return {"whitespace_pattern": _BLANKS, "lenient": not strict, "coerce_one_of": not strict}


def _from_schema(schema: Mapping[str, Any], *, strict: bool) -> str:
    options: Any = _options(strict)
    try:
        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=options)
    except ValueError as exc:  # a lone surrogate
        raise GrammarError(str(exc)) from exc
    return _checked(grammar)


def _refusal(schema: Mapping[str, Any], *, strict: bool) -> str | None:
    """Why llguidance does not follow a schema, on one line; None if it does."""
    try:
        _from_schema(schema, strict=strict)
    except GrammarError as exc:
        return " ".join(str(exc).split())
    return None


def _checked(grammar: str, max_bytes: int = MAX_BYTES) -> str:
    _check_length(grammar, max_bytes)
    if any(float(found) == -(2.0**63) for found in _LARGE_NEGATIVE.findall(grammar)):
        # llguidance 1.9 ends the process (a segmentation fault) over a constant that a float rounds to -2^63
        raise GrammarError("it has an integer at the lower end of 64 bits")
    try:
        failed, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    except BaseException as exc:  # llguidance 1.9 panics when it shortens a message inside a character
        if type(exc).__name__ != "PanicException":
            raise
        raise GrammarError("llguidance cannot read it") from None
    if failed:
        raise GrammarError(messages[0])
    return grammar


def _check_length(text: str, max_bytes: int = MAX_BYTES) -> None:
    if len(text.encode(errors="replace")) > max_bytes:
        raise GrammarError(f"it is longer than {max_bytes} bytes")
