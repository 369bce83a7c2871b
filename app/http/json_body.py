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
    body = _read()
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
    return body


def read_one_or_many(most: int) -> dict[str, Any] | list[Any]:
    """The request's body as a JSON object, or as a list; raises InvalidRequest if it is neither, or has no such length.

    Args:
        most: how many items the list may have.
    """
    body = _read()
    if not isinstance(body, dict | list):
        raise InvalidRequest("The body must be a JSON object, or a list of them.", code="invalid_json")
    if isinstance(body, list) and not 1 <= len(body) <= most:
        raise InvalidRequest(f"A list has 1 to {most} items, and this one has {len(body)}.")
    return body


def _read() -> Any:
    limit = services().settings.max_body_bytes
    too_large = f"The body is larger than {limit} bytes. Send less, or raise CARAVAN_MAX_BODY_BYTES."
    data = read_body(limit, too_large=too_large)
    try:
        return pydantic_core.from_json(data.removeprefix(codecs.BOM_UTF8), allow_inf_nan=False)
    except ValueError as exc:
        raise InvalidRequest(f"The body is not valid JSON: {exc}.", code="invalid_json") from exc
