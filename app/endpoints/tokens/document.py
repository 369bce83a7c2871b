"""``/tokenize``, ``/detokenize``, ``/tokenizer_info`` and ``/apply-template``."""

from __future__ import annotations

from dataclasses import replace

from app.endpoints.openai.document import runs
from app.endpoints.openai.token_wire import RenderedPrompt, TokenizerInfo, TokenList, TokensText
from app.endpoints.tokens.body import ApplyTemplateBody, DetokenizeBody, TokenizeBody, TokenizerInfoBody
from app.openapi import examples
from app.openapi.describe import Parameter
from app.openapi.parts import URGENCY, X_ON_DISCONNECT

TAG = "Tokens"
ABOUT = "The tokenizer and the chat template, as in llama-server."
_MODEL = Parameter(
    name="model",
    where="query",
    meaning="The model's name. It may be left out where one model alone generates.",
    schema={"type": "string", "minLength": 1},
    example="demo",
)

CALLS = {
    "tokens.tokenize": runs(TokenizeBody, TokenList, examples.TOKENIZE, tag=TAG),
    "tokens.detokenize": runs(DetokenizeBody, TokensText, examples.DETOKENIZE, tag=TAG),
    "tokens.tokenizer_info": replace(
        runs(TokenizerInfoBody, TokenizerInfo, {}, tag=TAG), bodies=(), parameters=(_MODEL, X_ON_DISCONNECT, *URGENCY)
    ),
    "tokens.apply_template": runs(ApplyTemplateBody, RenderedPrompt, examples.APPLY_TEMPLATE, tag=TAG),
}
