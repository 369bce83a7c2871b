"""In whose form a failure is told of a path or a method that is not there, and of calls that speak for two APIs."""

from __future__ import annotations

from flask import request

from app.endpoints.anthropic.errors import FORM as ANTHROPIC
from app.endpoints.anthropic.models import VERSION
from app.endpoints.ollama.errors import FORM as OLLAMA
from app.openapi.error_form import OPENAI, ErrorForm

EITHER = ErrorForm(schema=OPENAI.schema | ANTHROPIC.schema, body=OPENAI.body)
"""As the document describes calls whose answers are OpenAI's, or Anthropic's for its clients."""
OF_TWO = {"models.openai_list", "models.openai_show"}
"""Those calls."""

_PATHS = {"/api": OLLAMA, "/v1/messages": ANTHROPIC, "/messages": ANTHROPIC}


def form() -> ErrorForm:
    """That of the API to which the request's path belongs, or by whose header its clients are known."""
    for path, own in _PATHS.items():
        if request.path == path or request.path.startswith(f"{path}/"):
            return own
    by_header = request.url_rule is None or request.endpoint in OF_TWO
    return ANTHROPIC if by_header and VERSION in request.headers else OPENAI
