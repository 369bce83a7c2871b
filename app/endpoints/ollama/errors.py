"""Failures as Ollama's clients read them: ``error`` is the message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from app.endpoints.ollama.wire import OllamaError
from app.http.json_pieces import text


def install(blueprint: Blueprint) -> None:
    """Have all failures of these calls in this form, whoever found them."""

    @blueprint.after_request
    def reform(response: Response) -> Response:
        if response.status_code >= 400 and response.is_json:
            response.set_data(text(told(response.get_json()["error"])) + "\n")
        return response


def told(error: Mapping[str, Any]) -> OllamaError:
    """A failure: the message where Ollama has it, and beside it what programs may act on."""
    return {"error": error["message"], "type": error["type"], "param": error["param"], "code": error["code"]}
