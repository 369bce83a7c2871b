"""``/tokenize``, ``/detokenize`` and ``/apply-template``: answered by a model's worker before the line."""

from __future__ import annotations

from flask import Blueprint, Response

from app.routes.openai_call import answer
from app.schemas.tokens import ApplyTemplateBody, DetokenizeBody, TokenizeBody

blueprint = Blueprint("tokens", __name__)


@blueprint.post("/tokenize")
def tokenize() -> Response:
    """The token ids of a text."""
    return answer(TokenizeBody)


@blueprint.post("/detokenize")
def detokenize() -> Response:
    """The text of token ids."""
    return answer(DetokenizeBody)


@blueprint.post("/apply-template")
def apply_template() -> Response:
    """The prompt that a model's chat template makes of a conversation."""
    return answer(ApplyTemplateBody)
