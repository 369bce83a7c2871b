"""llama-server's calls for tokens: each runs its body as a job."""

from __future__ import annotations

from flask import Blueprint, Response

from app.endpoints.openai.call import answer
from app.endpoints.tokens.body import ApplyTemplateBody, DetokenizeBody, TokenizeBody

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


BLUEPRINTS = (blueprint,)
