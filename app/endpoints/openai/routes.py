"""OpenAI's chats, completions and embeddings: each runs its body as a job."""

from __future__ import annotations

from flask import Blueprint, Response

from app.access.holding import holds
from app.endpoints.openai.call import answer
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.completion_body import CompletionBody
from app.endpoints.openai.embedding_body import EmbeddingBody

chat = Blueprint("chat", __name__)
completions = Blueprint("completions", __name__)
embeddings = Blueprint("embeddings", __name__)


@chat.post("/v1/chat/completions", endpoint="create")
@holds()
def create_chat_completion() -> Response:
    """Generate the next message of a conversation."""
    return answer(ChatBody)


@completions.post("/v1/completions", endpoint="create")
@holds()
def create_completion() -> Response:
    """Continue a prompt."""
    return answer(CompletionBody)


@embeddings.post("/v1/embeddings", endpoint="create")
@holds()
def create_embeddings() -> Response:
    """Vectors of texts."""
    return answer(EmbeddingBody)


BLUEPRINTS = (chat, completions, embeddings)
