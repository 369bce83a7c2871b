"""Errors on their way out: one form for all, logged once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, jsonify
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from tasks.errors import (
    AuthenticationFailed,
    BrokerUnavailable,
    CaravanError,
    EngineFailure,
    InvalidRequest,
    NotFound,
)
from tasks.logs import get_logger
from tasks.redis_client import UNAVAILABLE

log = get_logger(__name__)


def install(app: Flask) -> None:
    """Answer every failure in the form ``{"error": {message, type, param, code}}``."""
    app.register_error_handler(CaravanError, _respond)
    app.register_error_handler(HTTPException, _from_werkzeug)
    app.register_error_handler(Exception, _unexpected)
    for away in UNAVAILABLE:
        app.register_error_handler(
            away, lambda _: _respond(BrokerUnavailable("The queue does not answer just now. Try again."))
        )


def from_validation(exc: ValidationError) -> InvalidRequest:
    """The first fault that pydantic found, in a sentence that names the field."""
    fault = exc.errors(include_url=False, include_context=False)[0]
    param = ".".join(str(part) for part in fault["loc"]) or None
    if fault["type"] == "extra_forbidden":
        return InvalidRequest(f"'{param}' is not a parameter of this call.", param=param, code="unknown_parameter")
    message = fault["msg"].removeprefix("Value error, ")
    return InvalidRequest(f"{param}: {message}." if param else f"{message}.", param=param)


def _respond(error: CaravanError) -> Response:
    log.info("request refused", status=error.http_status, code=error.code, param=error.param, reason=error.message)
    response = to_response(error.to_wire(), error.http_status, error.retry_after_seconds)
    if isinstance(error, AuthenticationFailed):
        response.headers["WWW-Authenticate"] = 'Bearer realm="caravan"'
    return response


def to_response(error: Mapping[str, Any], status: int, retry_after_seconds: int | None = None) -> Response:
    response = jsonify({"error": error})
    response.status_code = status
    if retry_after_seconds:
        response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def _from_werkzeug(exc: HTTPException) -> Response:
    status = exc.code or 500
    if status == 404:
        return _respond(NotFound("There is nothing at this address."))
    error = InvalidRequest(exc.description or exc.name, code=exc.name.lower().replace(" ", "_"))
    log.info("request refused", status=status, code=error.code)
    response = to_response(error.to_wire(), status)
    for name, value in exc.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _unexpected(exc: Exception) -> Response:
    log.error("request failed", exc_info=exc)
    return _respond(EngineFailure("The server failed; its log says why.", code="internal_error"))
