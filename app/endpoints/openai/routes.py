"""OpenAI's chats, completions and embeddings, and llama-server's calls for tokens: each runs its body as a job."""

from __future__ import annotations

from flask import Blueprint, Response

from app.endpoints.openai.call import answer
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.completion_body import CompletionBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from app.endpoints.openai.token_body import ApplyTemplateBody, DetokenizeBody, TokenizeBody

chat = Blueprint("chat", __name__)
completions = Blueprint("completions", __name__)
embeddings = Blueprint("embeddings", __name__)
tokens = Blueprint("tokens", __name__)


@chat.post("/v1/chat/completions", endpoint="create")
def create_chat_completion() -> Response:
    """Generate the next message of a conversation."""
    return answer(ChatBody)


@completions.post("/v1/completions", endpoint="create")
def create_completion() -> Response:
    """Continue a prompt."""
    return answer(CompletionBody)


@embeddings.post("/v1/embeddings", endpoint="create")
def create_embeddings() -> Response:
    """Vectors of texts."""
    return answer(EmbeddingBody)


@tokens.post("/tokenize")
def tokenize() -> Response:
    """The token ids of a text."""
    return answer(TokenizeBody)


@tokens.post("/detokenize")
def detokenize() -> Response:
    """The text of token ids."""
    return answer(DetokenizeBody)


@tokens.post("/apply-template")
def apply_template() -> Response:
    """The prompt that a model's chat template makes of a conversation."""
    return answer(ApplyTemplateBody)


BLUEPRINTS = (chat, completions, embeddings, tokens)
