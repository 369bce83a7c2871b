"""Errors on their way out: one form for all, logged once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Flask, Response, jsonify, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from app.http import pages
from app.http.byte_range import RangeNotSatisfiable
from app.http.fields import beside
from app.openapi.error_form import OPENAI, ErrorForm
from caravan_client.server_errors import WireError
from tasks import errors as kinds
from tasks.ledger.connection import UNAVAILABLE
from tasks.logs import get_logger
from tasks.texts import LONGEST, nearest, shown

FINAL = (409, 500, 504)
"""After these the same call again is another job, which would end as the first did."""

START = pages.Link("/", "this server's console")

_NAMES = {
    "max_new_tokens": "max_tokens",
    "guided_json": "response_format",
    "guided_grammar": "grammar",
    "structured_outputs": "response_format",
    "functions": "tools",
    "function_call": "tool_choice",
}
"""What other servers, or OpenAI once, call what we have."""

Form = ErrorForm | Callable[[], ErrorForm]

log = get_logger(__name__)


def install(calls: Flask | Blueprint, form: Form = OPENAI) -> None:
    """Answer every failure in a form, or as a page in a browser. A blueprint's form goes before its application's.

    Args:
        form: or what tells the form of the request being handled.
    """
    calls.register_error_handler(kinds.CaravanError, partial(_respond, form))
    calls.register_error_handler(HTTPException, partial(_from_werkzeug, form))
    calls.register_error_handler(Exception, partial(_unexpected, form))
    for away in UNAVAILABLE:
        calls.register_error_handler(away, partial(_without_redis, form))


def from_validation(exc: ValidationError, schema: type[BaseModel] | None = None) -> kinds.InvalidRequest:
    """The first fault that pydantic found, in a sentence that names the field.

    Args:
        schema: what was to be read; with it an unknown field's nearest known one is named.
    """
    fault = exc.errors(include_url=False)[0]
    param = shown(".".join(str(part) for part in fault["loc"] if not _is_tag(part))) or None
    if fault["type"] == "extra_forbidden":
        near = nearest(str(fault["loc"][-1]), beside(schema, fault["loc"])) if schema else None
        hint = f" Use {_NAMES[param]}." if param in _NAMES else f" Did you mean '{near}'?" if near else ""
        message = f"'{param}' is not a parameter of this call.{hint}"
        return kinds.InvalidRequest(message, param=param, code="unknown_parameter")
    message = _without_long_texts(fault).removeprefix("Value error, ")
    return kinds.InvalidRequest(f"{param}: {message}." if param else f"{message}.", param=param)


def _without_long_texts(fault: ErrorDetails) -> str:
    """What pydantic says. A client's text in it is in the fault's context as well."""
    message = fault["msg"]
    for text in fault.get("ctx", {}).values():
        if isinstance(text, str) and len(text) > LONGEST:
            message = message.replace(text, shown(text))
    return message


def as_tag(kind: str) -> str:
    """The tag of one kind of a union's: of a fault in it, the path does not name the tag."""
    return f"<{kind}>"


def _is_tag(part: int | str) -> bool:
    return isinstance(part, str) and part.startswith("<") and part.endswith(">")


def _respond(form: Form, error: kinds.CaravanError) -> Response:
    log.info("request refused", status=error.http_status, code=error.code, param=error.param, reason=error.message)
    response = _to_response(form, error.to_wire(), error.http_status, error.retry_after_seconds)
    if isinstance(error, kinds.AuthenticationFailed):
        response.headers["WWW-Authenticate"] = 'Bearer realm="caravan"'
    if isinstance(error, kinds.StorageLimited):
        response.headers["X-Should-Retry"] = "false"  # OpenAI's clients would send the whole file twice more
    if isinstance(error, RangeNotSatisfiable):
        response.headers["Content-Range"] = f"bytes */{error.size}"
    return response


def _to_response(form: Form, error: WireError, status: int, retry_after_seconds: int | None = None) -> Response:
    """The failure as JSON, or as a page for a browser that opened the address."""
    if pages.is_wanted(request):
        response = _page(error, status, retry_after_seconds)
    else:
        own = form if isinstance(form, ErrorForm) else form()
        told = own.status(status)
        response = jsonify(own.body(error, told))
        response.status_code = told
    response.vary.add("Accept")
    if status in FINAL:
        response.headers["X-Should-Retry"] = "false"  # OpenAI's clients would send it twice more
    if retry_after_seconds:
        response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def _page(error: WireError, status: int, retry_after_seconds: int | None) -> Response:
    texts = [str(error["message"])]
    if status == kinds.AuthenticationFailed.http_status:
        texts.append("Sign in on the console, or use a program that sends one, such as curl or the caravan command.")
    if retry_after_seconds:
        texts.append(f"Try again in {retry_after_seconds} seconds.")
    texts.append(f"Code: {error['code']}")
    title = f"{status} {HTTP_STATUS_CODES.get(status, '')}"
    return pages.respond(title, texts, (START,), path=request.path, status=status)


def _from_werkzeug(form: Form, exc: HTTPException) -> Response:
    status = exc.code or 500
    if status == 404:
        return _respond(form, kinds.NotFound("This path does not exist. /docs lists all calls."))
    error = kinds.InvalidRequest(exc.description or exc.name, code=exc.name.lower().replace(" ", "_"))
    log.info("request refused", status=status, code=error.code)
    response = _to_response(form, error.to_wire(), status)
    for name, value in exc.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _without_redis(form: Form, _: Exception) -> Response:
    return _respond(form, kinds.BrokerUnavailable("Redis does not answer. Try again."))


def _unexpected(form: Form, exc: Exception) -> Response:
    log.error("request failed", exc_info=exc)
    return _respond(form, kinds.EngineFailure("The server failed; its log has the cause.", code="internal_error"))
