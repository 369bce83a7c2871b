"""The formats of tool calls. A new one is a file beside this, and a line here."""

from __future__ import annotations

from typing import Final

from tasks.answers.syntax import REASONING, Syntax
from tasks.answers.tools.format import Format
from tasks.answers.tools.hermes import HERMES
from tasks.answers.tools.llama3 import LLAMA3
from tasks.answers.tools.mistral import MISTRAL
from tasks.answers.tools.plain_json import PLAIN_JSON

FORMATS: Final[tuple[Format, ...]] = (
    HERMES,
    MISTRAL,
    LLAMA3,
    PLAIN_JSON,
)
"""A template's format is the first whose signs it has. The last has none: any model can be asked to write so."""

MARKERS: Final[frozenset[str]] = frozenset().union(*REASONING, *(each.markers for each in FORMATS))
"""Texts that tell the parts of an answer apart. Where one is a control token, it must be shown like any text."""


def format_of(name: str | None) -> Format | None:
    """The format of that name, if there is one."""
    return next((each for each in FORMATS if each.name == name), None)


def detect(template: str) -> Syntax:
    """The syntax of the model that has this chat template."""
    tool_format = next(each for each in FORMATS if each.fits(template))
    thinks = any(marker in template for pair in REASONING for marker in pair)
    return Syntax(tool_format.name, "optional" if thinks else "no")


def reasoning_markers(syntax: Syntax) -> tuple[tuple[str, str], ...]:
    """What may stand around the reasoning; nothing for a model that does not reason."""
    if syntax.thinking == "no":
        return ()
    tool_format = format_of(syntax.tool_format)
    return tool_format.reasoning if tool_format else REASONING[:1]
