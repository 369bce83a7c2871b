"""Options of a response that are objects of their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.bodies.part import Part
from app.bodies.sampling import StreamOptions, Verbosity
from app.bodies.template_variables import Effort
from app.bodies.unused import UNUSED, Unused
from tasks.errors import InvalidRequest

Summary = Literal["auto", "concise", "detailed"]


class TextFormat(Part):
    """The required form of the text."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = Field(None, max_length=64)
    description: str | None = None
    strict: bool | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")

    def schema_of_answer(self) -> dict[str, Any] | None:
        """The schema that the text has to meet, if any."""
        if self.type == "json_schema" and (self.schema_ is None or self.name is None):
            missing = "schema" if self.schema_ is None else "name"
            raise InvalidRequest(f"The type json_schema needs a {missing}.", param=f"text.format.{missing}")
        if self.type == "json_object":
            return {"type": "object"}
        return self.schema_ if self.type == "json_schema" else None


class Text(Part):
    """Options of the text."""

    format: TextFormat = TextFormat(type="text")
    verbosity: Annotated[Verbosity | None, UNUSED] = None


class Reasoning(Part):
    """Options of reasoning. The effort is the template's to understand; nothing sums reasoning up."""

    effort: Effort | None = None
    summary: Annotated[Summary | None, UNUSED] = None
    generate_summary: Annotated[Summary | None, UNUSED] = None
    context: Annotated[Literal["auto", "current_turn", "all_turns"] | None, Unused(done="auto")] = None
    mode: Literal["standard"] | None = None


class ResponseStreamOptions(StreamOptions):
    """Options of a streamed response. Its last event always has the usage."""

    include_usage: Literal[False] = False
    continuous_usage_stats: Literal[False] = False
