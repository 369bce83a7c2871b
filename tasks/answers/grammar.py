"""The grammar of an answer: reasoning, then calls of declared functions, text, or what a response format asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.answers.constraint import MAX_BYTES, from_lark
from tasks.answers.lark import ANYTHING, Function, Marks, escape
from tasks.answers.syntax import Syntax
from tasks.answers.tools.format import Format
from tasks.answers.tools.formats import format_of, reasoning_markers

MAX_TOOLS_BYTES: Final = 4 * MAX_BYTES
"""Longest grammar of all the tools together. Each alone has the limit of a schema."""

_BLANK: Final = r"[ \t\r\n]"
_GAP: Final = rf"GAP: /{_BLANK}{{0,4}}/"


def answer_grammar(
    syntax: Syntax,
    *,
    tools: Sequence[Mapping[str, Any]],
    required: bool,
    parallel: bool,
    answer: str | None,
    special: Mapping[str, int],
    free: bool = False,
) -> str | None:
    """The grammar that an answer is constrained by; None if nothing constrains it.

    Args:
        syntax: how the model writes. A model that reasons may do so first, whatever must follow.
        tools: OpenAI's function objects. Text is free until a call begins.
        required: whether there must be a call.
        parallel: whether there may be more than one.
        answer: the grammar of what is no call.
        special: ids of the markers that are tokens of their own, which no literal matches.
        free: whether the arguments of all functions that are not strict are left to the model.

    Raises:
        GrammarError: a strict function's parameters cannot be followed, which it names; or all is too long together.
    """
    tool_format, marks = format_of(syntax.tool_format) if tools else None, Marks(special)
    if tool_format is None and (answer is None or syntax.thinking == "no"):
        return answer
    talks = answer is None and not required
    rules = [_GAP]
    bodies = [] if answer is None or (tool_format and required) else ["@answer"]
    if tool_format:
        rules += tool_format.rules([Function.read(tool, free=free) for tool in tools], marks, parallel)
        bodies += _calls(tool_format, marks, rules, said=_said(syntax, tool_format, marks) if talks else None)
    starts = _starts(syntax, marks, rules, free=talks)
    rules.insert(0, "body: " + " | ".join(bodies))
    rules.insert(0, "start: " + " | ".join(starts))
    used = answer if "@answer" in bodies else None
    return from_lark("\n".join(rules), answer=used, max_bytes=MAX_TOOLS_BYTES + MAX_BYTES)


def _calls(tool_format: Format, marks: Marks, rules: list[str], *, said: str | None) -> list[str]:
    """Alternatives for calls, and for text before or instead of them; adds to `rules` what they are made of."""
    opening, bare = tool_format.opening, ["GAP calls"] if tool_format.bare else []
    if said is None:
        return [*([f"{marks.of(opening)} calls"] if opening else []), *bare]
    rules.append(said)
    if opening is None:
        return ["SAID", *bare]
    lazy = "" if marks.are_special(opening) else "[lazy]"
    rules.append(f"head{lazy}: SAID {marks.of(opening)}")
    return ["SAID", "head calls", *bare]


def _said(syntax: Syntax, tool_format: Format, marks: Marks) -> str:
    """Free text: not the beginning of a bare call, nor of reasoning whose marker is plain text."""
    text = rf"/{_BLANK}*([^{{ \t\r\n]{ANYTHING})?/" if tool_format.bare else f"/{ANYTHING}/"
    plain = [escape(opening) for opening, _ in reasoning_markers(syntax) if not marks.are_special(opening)]
    if not plain or syntax.thinking == "open":
        return f"SAID: {text}"
    return f"SAID: {text} & ~/{_BLANK}*({'|'.join(plain)}){ANYTHING}/"


def _starts(syntax: Syntax, marks: Marks, rules: list[str], *, free: bool) -> list[str]:
    """Alternatives for the answer with the reasoning before it, which may be all of it if it is free."""
    is_open = syntax.thinking == "open"
    starts = [] if is_open else ["body"]
    pairs = reasoning_markers(syntax)
    for number, (opening, closing) in enumerate(pairs[:1] if is_open else pairs):
        begin, text = _begin(opening, marks, is_open=is_open)
        if marks.are_special(closing):
            rules.append(f"thought_{number}: {begin} /{text}/ {marks.of(closing)}")
        else:
            rules.append(f"thinking_{number}[lazy]: /{text}{escape(closing)}/")
            rules.append(f"thought_{number}: {begin} thinking_{number}")
        starts.append(f"thought_{number} body" if free else f"thought_{number} GAP body")
        if free:
            starts.append(f"{begin} /{text}/")
    return starts


def _begin(opening: str, marks: Marks, *, is_open: bool) -> tuple[str, str]:
    """A term for how reasoning begins, and a regular expression for how it goes on."""
    if marks.are_special(opening):
        return marks.of(opening) + ("?" if is_open else ""), ANYTHING
    return "", ANYTHING if is_open else f"{_BLANK}*{escape(opening)}{ANYTHING}"
