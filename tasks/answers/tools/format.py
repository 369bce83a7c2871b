"""What a format of tool calls is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.answers.lark import Function, Marks
from tasks.answers.source import Wait
from tasks.answers.syntax import REASONING
from tasks.answers.tools.calls import Calls


@dataclass(frozen=True, slots=True)
class Format:
    """A form of tool calls.

    Args:
        name: what `Syntax.tool_format` calls it.
        signs: alternatives; a chat template that has all texts of one is of a model that writes so.
        opening: the marker before calls, anywhere in the answer.
        bare: whether an answer may also begin with calls that no marker stands before.
        read: reads calls, after the marker or at the beginning; whether what the source holds in the end was one. It
            tells of each with `Calls.begin` and of its arguments with `Calls.add_arguments`, as JSON text whatever
            the model writes; `json_calls` does both for calls that are JSON.
        rules: Lark rules for calls after the marker, ``calls`` first: for one, or for any number from one on.
        markers: all that may be tokens of their own.
        reasoning: what such models put around their reasoning.
    """

    name: str
    signs: Sequence[Sequence[str]]
    opening: str | None
    bare: bool
    read: Callable[[Calls], Wait[bool]]
    rules: Callable[[Sequence[Function], Marks, bool], Sequence[str]]
    markers: frozenset[str] = frozenset()
    reasoning: tuple[tuple[str, str], ...] = REASONING[:1]

    def fits(self, template: str) -> bool:
        """Whether the chat template is of a model that writes so."""
        return any(all(text in template for text in sign) for sign in self.signs)
