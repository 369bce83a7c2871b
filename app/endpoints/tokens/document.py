"""``/tokenize``, ``/detokenize`` and ``/apply-template``."""

from __future__ import annotations

from app.endpoints.openai.document import runs
from app.endpoints.openai.wire import RenderedPrompt, TokenList, TokensText
from app.endpoints.tokens.body import ApplyTemplateBody, DetokenizeBody, TokenizeBody
from app.openapi import examples

TAG = "Tokens"
ABOUT = "The tokenizer and the chat template, as in llama-server."

CALLS = {
    "tokens.tokenize": runs(TokenizeBody, TokenList, examples.TOKENIZE, tag=TAG),
    "tokens.detokenize": runs(DetokenizeBody, TokensText, examples.DETOKENIZE, tag=TAG),
    "tokens.apply_template": runs(ApplyTemplateBody, RenderedPrompt, examples.APPLY_TEMPLATE, tag=TAG),
}
