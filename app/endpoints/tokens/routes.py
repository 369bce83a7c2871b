"""llama-server's and vLLM's calls for tokens: each runs its body as a job."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from app.access.caller import catalogue
from app.access.holding import holds
from app.access.scopes import submits
from app.endpoints.openai.call import answer
from app.endpoints.tokens.body import ApplyTemplateBody, DetokenizeBody, TokenizeBody, TokenizerInfoBody
from app.http.json_body import read_json
from tasks.errors import InvalidRequest
from tasks.records.job import Operation

blueprint = Blueprint("tokens", __name__)


@blueprint.post("/tokenize")
@holds()
def tokenize() -> Response:
    """The token ids of a text."""
    return answer(TokenizeBody, _with_model(read_json()))


@blueprint.post("/detokenize")
@holds()
def detokenize() -> Response:
    """The text of token ids."""
    return answer(DetokenizeBody, _with_model(read_json()))


@blueprint.get("/tokenizer_info")
@submits
@holds()
def tokenizer_info() -> Response:
    """A model's special tokens and its chat template."""
    return answer(TokenizerInfoBody, _with_model({"model": request.args.get("model")}))


@blueprint.post("/apply-template")
@holds()
def apply_template() -> Response:
    """The prompt that a model's chat template makes of a conversation."""
    return answer(ApplyTemplateBody)


def _with_model(sent: dict[str, Any]) -> dict[str, Any]:
    """A body that names a model: the one that generates, if it names none. Raises InvalidRequest if there are more."""
    if sent.get("model") is not None:
        return sent
    models = [name for name, entry in catalogue().items() if Operation.COMPLETION in entry.operations]
    if len(models) != 1:
        raise InvalidRequest(f"This call needs a model: {len(models)} of this server's generate.", param="model")
    return {**sent, "model": models[0]}


BLUEPRINTS = (blueprint,)
