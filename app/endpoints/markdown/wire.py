"""The body of ``POST /markdown``, and what it answers with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from app.bodies.part import Part
from app.endpoints.markdown.rendering import MOST_CHARACTERS


class MarkdownBody(Part):
    """A text in Markdown."""

    text: Annotated[str, Field(max_length=MOST_CHARACTERS)]


class RenderedText(TypedDict):
    """A text as HTML."""

    object: Literal["markdown"]
    html: Annotated[str, Field(description="A fragment without scripts, pictures, styles and links within this site.")]
