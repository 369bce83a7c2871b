"""Taking generated text apart: reasoning, content and tool calls, as they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.answers.deltas import (
    Answer,
    Arguments,
    Call,
    CallBegun,
    Content,
    Delta,
    Reasoning,
    joined,
)
from tasks.answers.source import Source, Wait
from tasks.answers.spans import Spans
from tasks.answers.syntax import Syntax
from tasks.answers.text import Text
from tasks.answers.tools.calls import Calls
from tasks.answers.tools.format import Format
from tasks.answers.tools.formats import format_of, reasoning_markers

__all__ = [
    "Answer",
    "AnswerParser",
    "Arguments",
    "Call",
    "CallBegun",
    "Content",
    "Delta",
    "Reasoning",
    "parse",
]


class AnswerParser:
    """Reads one answer. What it tells does not depend on how the text is cut; nothing but separators is left out.

    Args:
        syntax: how the model writes.
        tools: names of the functions that may be called, and the schemas of their arguments. A call of another is
            content, as it was written.
        reasoning: whether reasoning is told apart; otherwise it is content, with its markers.
        spans: is told of all that is read, and of what is content.
    """

    def __init__(
        self,
        syntax: Syntax,
        tools: Mapping[str, Mapping[str, Any]],
        *,
        reasoning: bool = True,
        spans: Spans | None = None,
    ) -> None:
        self._syntax, self._splits = syntax, reasoning
        self._format = format_of(syntax.tool_format) if tools else None
        self._deltas: list[Delta] = []
        self._source = Source(spans.take if spans else None)
        on_write = spans.write if spans else None
        self._content = Text(lambda text: self._deltas.append(Content(text)), on_write=on_write)
        self._calls = Calls(self._source, tools, self._tell_call)
        if not self._format:
            self._content.settle()
        self._reader = self._read()
        next(self._reader)

    def feed(self, text: str) -> list[Delta]:
        """What more of the text tells."""
        self._source.add(text)
        return self._advance()

    def finish(self) -> list[Delta]:
        """What is told by there being no more."""
        self._source.end()
        return self._advance()

    @property
    def undecided(self) -> str:
        """What was read and may be content or not."""
        return self._source.held

    def _advance(self) -> list[Delta]:
        next(self._reader, None)
        deltas, self._deltas = self._deltas, []
        return joined(deltas)

    def _tell_call(self, delta: CallBegun | Arguments) -> None:
        if isinstance(delta, CallBegun):
            self._content.interrupt()
        self._deltas.append(delta)

    def _read(self) -> Wait[None]:
        yield from self._read_reasoning()
        if self._format:
            yield from self._read_body(self._format)
        yield from self._source.rest(self._content.write)
        self._content.end()

    def _read_reasoning(self) -> Wait[None]:
        source, pairs, closing = self._source, reasoning_markers(self._syntax), ""
        if not pairs:
            return
        source.hold()
        yield from source.skip_blanks()
        if self._syntax.thinking == "open":
            _, closing = pairs[0]
        for opening, its_closing in pairs:
            if (yield from source.skip(opening)):
                closing = its_closing
                break
        before = source.release()
        if closing and self._splits:
            yield from self._tell_reasoning(closing)
        else:
            self._content.write(before)
            if closing and (yield from source.until(closing, self._content.write)):
                self._content.write(source.take(len(closing)))

    def _tell_reasoning(self, closing: str) -> Wait[None]:
        """What comes until it is closed; all, if it never is."""
        text = Text(lambda piece: self._deltas.append(Reasoning(piece)), starts_after=True)
        if (yield from self._source.until(closing, text.write)):
            self._source.take(len(closing))
            self._content.interrupt()
        else:
            text.end()

    def _read_body(self, tool_format: Format) -> Wait[None]:
        """Content, and calls where they may be."""
        source, content, opening = self._source, self._content, tool_format.opening
        if tool_format.bare:
            source.hold()
            yield from source.skip_blanks()
            yield from self._read_calls(tool_format)
        while opening and (yield from source.until(opening, content.write)):
            source.hold()
            source.take(len(opening))
            yield from self._read_calls(tool_format)
        content.settle()

    def _read_calls(self, tool_format: Format) -> Wait[None]:
        """Calls, or what looked like one and is content."""
        is_call = yield from tool_format.read(self._calls)
        taken = self._source.release()
        if not is_call:
            self._content.write(taken)


def parse(text: str, syntax: Syntax, tools: Mapping[str, Mapping[str, Any]], reasoning: bool = True) -> Answer:
    """A whole answer, as `AnswerParser` reads it."""
    parser = AnswerParser(syntax, tools, reasoning=reasoning)
    content: list[str] = []
    thoughts: list[str] = []
    names: list[str] = []
    arguments: dict[int, list[str]] = {}
    for delta in (*parser.feed(text), *parser.finish()):
        match delta:
            case Content(piece):
                content.append(piece)
            case Reasoning(piece):
                thoughts.append(piece)
            case CallBegun(call, name):
                names.append(name)
                arguments[call] = []
            case Arguments(call, piece):
                arguments[call].append(piece)
    calls = tuple(Call(name, "".join(arguments[call])) for call, name in enumerate(names))
    said = None if calls and not content else "".join(content)
    return Answer(said, "".join(thoughts) if thoughts else None, calls)


def answer_parser(request: Mapping[str, Any], syntax: Syntax, *, spans: Spans | None = None) -> AnswerParser:
    """What takes a choice's text apart while it comes, as the request of its job asks."""
    return AnswerParser(syntax, called_functions(request), reasoning=tells_reasoning_apart(request), spans=spans)


def called_functions(request: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The functions that may be called, and the schemas of their arguments."""
    if request.get("tool_choice") == "none":
        return {}
    return {tool["name"]: tool.get("parameters") or {} for tool in request.get("tools", ())}


def tells_reasoning_apart(request: Mapping[str, Any]) -> bool:
    """Whether reasoning is no part of the content."""
    return bool(request.get("reasoning_format", "auto") != "none")
