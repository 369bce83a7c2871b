"""Failures in Anthropic's form."""

from __future__ import annotations

import re

from flask import Blueprint, Response

from app.endpoints.anthropic.wire import MessageError, MessageErrorAnswer, MessageErrorType
from app.http import errors, request_id
from app.openapi.error_form import ErrorForm
from caravan_client.server_errors import WireError
from tasks.errors import ContextLengthExceeded

HEADER = "Request-Id"
"""Where Anthropic's clients look for the id of a request."""
OVERLOADED = 529
_TYPES: dict[int, MessageErrorType] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}
_COUNTS = re.compile(r"maximum context length is (\d+) tokens.* resulted in (?:at least )?(\d+) tokens")


def answer(error: WireError, status: int) -> MessageErrorAnswer:
    """An error, told under a status."""
    failure: MessageError = {
        "type": _TYPES.get(status, "invalid_request_error"),
        "message": _message(error),
        "param": error["param"],
        "code": error["code"],
    }
    return {"type": "error", "error": failure, "request_id": request_id.current()}


def _message(error: WireError) -> str:
    """In Anthropic's words where agents know by them that they should shorten the conversation."""
    counts = _COUNTS.search(error["message"]) if error["code"] == ContextLengthExceeded.code else None
    if counts is None:
        return error["message"]
    most, given = counts.groups()
    return f"prompt is too long: {given} tokens > {most} maximum"


def install(calls: Blueprint) -> None:
    """Answer the failures of these calls in this form, and name each request where Anthropic's clients look."""
    errors.install(calls, FORM)

    @calls.after_request
    def name_request(response: Response) -> Response:
        response.headers[HEADER] = request_id.current()
        return response


FORM = ErrorForm(schema=MessageErrorAnswer, body=answer, statuses={503: OVERLOADED})
