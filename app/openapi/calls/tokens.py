"""``/tokenize``, ``/detokenize`` and ``/apply-template``."""

from __future__ import annotations

from app.openapi import examples
from app.openapi.calls.openai import runs
from app.schemas.openai_answers import RenderedPrompt, TokenList, TokensText
from app.schemas.tokens import ApplyTemplateBody, DetokenizeBody, TokenizeBody

TAG = "Tokens"

CALLS = {
    "tokens.tokenize": runs(TokenizeBody, TokenList, examples.TOKENIZE, tag=TAG),
    "tokens.detokenize": runs(DetokenizeBody, TokensText, examples.DETOKENIZE, tag=TAG),
    "tokens.apply_template": runs(ApplyTemplateBody, RenderedPrompt, examples.APPLY_TEMPLATE, tag=TAG),
}
