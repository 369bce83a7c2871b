"""The body of a call for embeddings."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from app.bodies.job import JobBody
from app.bodies.texts_or_tokens import Given, inputs
from app.bodies.unused import UNUSED
from app.bodies.urgency import Urgency
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

MOST_INPUTS = 2048
"""OpenAI's limit."""


class EmbeddingBody(JobBody, Urgency):
    """``POST /v1/embeddings``, and ``POST /jobs`` with an ``input``."""

    operation: ClassVar[Operation] = Operation.EMBEDDING

    input: Annotated[list[Given], *inputs(MOST_INPUTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)
    user: Annotated[str | None, UNUSED] = Field(None, max_length=512)

    takes_tokens_vectors: ClassVar[bool] = False
    """Whether its answer can have a vector of each token."""

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        if entry.pooling == "none":
            if not self.takes_tokens_vectors:
                raise InvalidRequest(
                    "This model has a vector for each token (pooling: none), which only POST /embedding answers with.",
                    param="model",
                )
            if self.dimensions is not None:
                raise InvalidRequest("dimensions cannot be combined with pooling: none.", param="dimensions")
        return self.model_dump(include={"input", "encoding_format", "dimensions"}, exclude_none=True)
