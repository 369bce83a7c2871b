"""In what form a model writes its tool calls, and where its reasoning stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, Self

Thinking = Literal["no", "optional", "open"]

REASONING: Final = (("<think>", "</think>"), ("[THINK]", "[/THINK]"))
"""What stands around reasoning: the second is Mistral's. A prompt that ends inside of it ends with the first."""

_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Syntax:
    """How to read what a model generates.

    ``tool_format`` is a name in `tasks.answers.tools.formats`. ``thinking`` is "optional" if the text may begin with
    reasoning between its markers, and "open" if the prompt ended inside of it, so that the text begins there.
    """

    tool_format: str | None
    thinking: Thinking

    def encode(self) -> str:
        """A short form to store, ``hermes,open``."""
        return f"{self.tool_format or _NONE},{self.thinking}"

    @classmethod
    def decode(cls, text: str) -> Self:
        """From `encode`; what is not known, as a later version may have written it, is read as if it were not there."""
        tool_format, _, rest = text.partition(",")
        known: dict[str, Thinking] = {"optional": "optional", "open": "open"}
        return cls(None if tool_format in ("", _NONE) else tool_format, known.get(rest.partition(",")[0], "no"))


PLAIN: Final = Syntax(None, "no")
"""Text, and nothing in it."""


def after_prompt(syntax: Syntax, prompt: str) -> Syntax:
    """The syntax of what follows this prompt."""
    opening, _ = REASONING[0]
    return replace(syntax, thinking="open") if prompt.rstrip().endswith(opening) else syntax
