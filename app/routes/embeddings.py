"""``POST /v1/embeddings``."""

from __future__ import annotations

from flask import Blueprint, Response

from app.routes.openai_call import answer
from app.schemas.embeddings import EmbeddingBody

blueprint = Blueprint("embeddings", __name__)


@blueprint.post("/v1/embeddings")
def create() -> Response:
    """Vectors of texts."""
    return answer(EmbeddingBody)
