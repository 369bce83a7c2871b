"""The body of a request, as a JSON object."""

from __future__ import annotations

import codecs
from typing import Any

import pydantic_core
from flask import request
from gunicorn.http.errors import ParseException

from app.http.content_encoding import decoded
from app.services.services import services
from tasks.errors import InvalidRequest, RequestTooLarge


def read_json() -> dict[str, Any]:
    """The request's body as a JSON object; raises InvalidRequest if it is not one."""
    try:
        body = pydantic_core.from_json(_read().removeprefix(codecs.BOM_UTF8), allow_inf_nan=False)
    except ValueError as exc:
        raise InvalidRequest(f"The body is not valid JSON: {exc}.", code="invalid_json") from exc
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
    return body


def _read() -> bytes:
    """The request's body, however it is framed; raises RequestTooLarge, or InvalidRequest if it is cut or malformed."""
    limit, declared = services().settings.max_body_bytes, request.content_length
    if declared is not None and declared > limit:
        raise _too_large(limit)
    try:
        # Not werkzeug's own reading: it cuts a chunked body at the limit and takes what it has for the whole.
        data: bytes = request.environ["wsgi.input"].read(limit + 1)
    except (ParseException, OSError) as exc:
        raise InvalidRequest("The body's framing does not match its headers.", code="invalid_body") from exc
    if len(data) > limit:
        raise _too_large(limit)
    if declared is not None and len(data) < declared:
        raise InvalidRequest("The body is shorter than its Content-Length.", code="invalid_body")
    if encodings := request.headers.get("Content-Encoding", ""):
        data = decoded(data, encodings, limit=limit)
        if len(data) > limit:
            raise _too_large(limit)
    return data


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body is larger than {limit} bytes. Send less, or raise CARAVAN_MAX_BODY_BYTES.")
