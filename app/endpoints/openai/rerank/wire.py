"""What calls for scores of documents answer with."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from app.endpoints.openai.wire import EmbeddingUsage
from app.http.wire_types import Count


class RankedDocument(TypedDict):
    """A document's text."""

    text: str


class Ranked(TypedDict):
    """A document and its score."""

    index: Annotated[Count, Field(description="Its place in the request, counted from 0.")]
    relevance_score: Annotated[float, Field(description="As the model gives it: of most models any number.")]
    document: NotRequired[Annotated[RankedDocument, Field(description="With `return_documents`.")]]


class Ranking(TypedDict):
    """The documents, the most relevant first."""

    object: Literal["list"]
    model: str
    results: list[Ranked]
    usage: EmbeddingUsage


class RankedText(TypedDict):
    """A text and its score."""

    index: Count
    score: float
    text: NotRequired[Annotated[str, Field(description="With `return_text`.")]]
