"""llama-server's and vLLM's calls for tokens: each runs its body as a job."""

from __future__ import annotations

from flask import Blueprint, Response, request

from app.access.holding import holds
from app.access.scopes import submits
from app.endpoints.openai.call import answer
from app.endpoints.tokens.body import ApplyTemplateBody, DetokenizeBody, TokenizeBody, TokenizerInfoBody

blueprint = Blueprint("tokens", __name__)


@blueprint.post("/tokenize")
@holds()
def tokenize() -> Response:
    """The token ids of a text."""
    return answer(TokenizeBody)


@blueprint.post("/detokenize")
@holds()
def detokenize() -> Response:
    """The text of token ids."""
    return answer(DetokenizeBody)


@blueprint.get("/tokenizer_info")
@submits
@holds()
def tokenizer_info() -> Response:
    """A model's special tokens and its chat template."""
    return answer(TokenizerInfoBody, {"model": request.args.get("model")})


@blueprint.post("/apply-template")
@holds()
def apply_template() -> Response:
    """The prompt that a model's chat template makes of a conversation."""
    return answer(ApplyTemplateBody)


BLUEPRINTS = (blueprint,)
