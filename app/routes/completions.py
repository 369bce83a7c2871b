"""``POST /v1/completions``."""

from __future__ import annotations

from flask import Blueprint, Response

from app.routes.openai_call import answer
from app.schemas.completions import CompletionBody

blueprint = Blueprint("completions", __name__)


@blueprint.post("/v1/completions")
def create() -> Response:
    """Continue a prompt."""
    return answer(CompletionBody)
