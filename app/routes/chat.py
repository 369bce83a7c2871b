"""``POST /v1/chat/completions``."""

from __future__ import annotations

from flask import Blueprint, Response

from app.routes.openai_call import answer
from app.schemas.chat import ChatBody

blueprint = Blueprint("chat", __name__)


@blueprint.post("/v1/chat/completions")
def create() -> Response:
    """Answer a conversation."""
    return answer(ChatBody)
