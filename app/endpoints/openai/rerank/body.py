"""The bodies of calls for scores of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.bodies.job import JobBody
from app.bodies.unused import UNUSED
from app.bodies.urgency import Urgency
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

MOST_DOCUMENTS = 2048
"""Jina's limit."""
MOST_FIELDS = 64
_TEXT = {"type": "string"}
_OBJECT = {"type": "object", "properties": {"text": _TEXT}, "required": ["text"], "additionalProperties": False}


def _text(document: Any) -> Any:
    """A document's text."""
    if isinstance(document, Mapping) and set(document) == {"text"}:
        document = document["text"]
    if not isinstance(document, str):
        raise PydanticCustomError("document", 'Input should be a string or an object {"text": "..."}')
    return document


Query = Annotated[str, Field(min_length=1)]
Document = Annotated[str, BeforeValidator(_text), WithJsonSchema({"anyOf": [_TEXT, _OBJECT]})]
Documents = Annotated[list[Document], Field(min_length=1, max_length=MOST_DOCUMENTS)]


class _Reranking(JobBody, Urgency):
    """What the forms have in common."""

    operation: ClassVar[Operation] = Operation.RERANK

    query: Query
    top_n: int | None = Field(None, ge=1)
    """How many of the best are told; all if it is left out."""
    user: Annotated[str | None, UNUSED] = Field(None, max_length=512)


class RerankBody(_Reranking):
    """``POST /v1/rerank`` and its other paths, and ``POST /jobs`` with ``documents``: Jina's form, and Cohere's."""

    documents: Documents
    return_documents: bool = False
    max_tokens_per_doc: Annotated[int | None, UNUSED] = Field(None, ge=1)
    max_chunks_per_doc: Annotated[int | None, UNUSED] = Field(None, ge=1)
    rank_fields: Annotated[list[str] | None, UNUSED] = Field(None, max_length=MOST_FIELDS)

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        asked = {"query": self.query, "documents": self.documents}
        told = {"top_n": self.top_n, "return_documents": self.return_documents or None}
        return asked | {name: value for name, value in told.items() if value is not None}


class TextsBody(_Reranking):
    """The form of Text Embeddings Inference, which has ``texts``."""

    texts: Annotated[list[str], Field(min_length=1, max_length=MOST_DOCUMENTS)]
    return_text: bool = False
    raw_scores: Annotated[bool | None, UNUSED] = None
    truncate: Annotated[bool | None, UNUSED] = None
    truncation_direction: Annotated[Literal["left", "right", "Left", "Right"] | None, UNUSED] = None

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        asked = {"query": self.query, "documents": self.texts}
        told = {"top_n": self.top_n, "return_documents": self.return_text or None}
        return asked | {name: value for name, value in told.items() if value is not None}
