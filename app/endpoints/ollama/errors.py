"""Failures as Ollama's clients read them: ``error`` is the message."""

from __future__ import annotations

from app.endpoints.ollama.wire import OllamaError
from app.openapi.error_form import ErrorForm
from caravan_client.server_errors import WireError


def told(error: WireError) -> OllamaError:
    """A failure: the message where Ollama has it, and beside it what programs may act on."""
    return {"error": error["message"], "type": error["type"], "param": error["param"], "code": error["code"]}


FORM = ErrorForm(schema=OllamaError, body=lambda error, _: told(error))
