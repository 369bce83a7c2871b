"""The formats of tool calls by name. A new one is a file beside this, a line here, and its sign in `syntax`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tasks.answers.syntax import REASONING
from tasks.answers.tools.format import Format
from tasks.answers.tools.hermes import HERMES
from tasks.answers.tools.llama3 import LLAMA3
from tasks.answers.tools.mistral import MISTRAL
from tasks.answers.tools.plain_json import PLAIN_JSON

FORMATS: Final[Mapping[str, Format]] = {
    tool_format.name: tool_format for tool_format in (HERMES, LLAMA3, MISTRAL, PLAIN_JSON)
}

MARKERS: Final[frozenset[str]] = frozenset().union(*REASONING, *(each.markers for each in FORMATS.values()))
"""Texts that tell the parts of an answer apart. Where one is a control token, it must be shown like any text."""


def format_of(name: str | None) -> Format | None:
    """The format of that name, if there is one."""
    return FORMATS.get(name) if name else None
