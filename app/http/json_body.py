"""The body of a request, as a JSON object."""

from __future__ import annotations

import codecs
from typing import Any

import pydantic_core

from app.http.body import read_body
from app.services.services import services
from tasks.errors import InvalidRequest


def read_json() -> dict[str, Any]:
    """The request's body as a JSON object; raises InvalidRequest if it is not one."""
    limit = services().settings.max_body_bytes
    too_large = f"The body is larger than {limit} bytes. Send less, or raise CARAVAN_MAX_BODY_BYTES."
    data = read_body(limit, too_large=too_large)
    try:
        body = pydantic_core.from_json(data.removeprefix(codecs.BOM_UTF8), allow_inf_nan=False)
    except ValueError as exc:
        raise InvalidRequest(f"The body is not valid JSON: {exc}.", code="invalid_json") from exc
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
    return body
