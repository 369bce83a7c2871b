"""In whose form a failure is told where no call was found: a path, or a method, that is not there."""

from __future__ import annotations

from flask import request

from app.endpoints.anthropic.errors import FORM as ANTHROPIC
from app.endpoints.anthropic.models import VERSION
from app.endpoints.ollama.errors import FORM as OLLAMA
from app.openapi.error_form import OPENAI, ErrorForm

_PATHS = {"/api": OLLAMA, "/v1/messages": ANTHROPIC, "/messages": ANTHROPIC}


def form() -> ErrorForm:
    """That of the API to which the request's path belongs, or by whose header its clients are known."""
    for path, own in _PATHS.items():
        if request.path == path or request.path.startswith(f"{path}/"):
            return own
    return ANTHROPIC if VERSION in request.headers else OPENAI
