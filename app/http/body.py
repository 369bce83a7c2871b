"""The body of a request, as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from gunicorn.http.errors import ParseException

from app.http.content_encoding import decoded
from tasks.errors import BodyTooSlow, InvalidRequest, RequestTooLarge


def read_body(limit: int, *, too_large: str) -> bytes:
    """The body, decoded, however it is framed.

    Args:
        limit: bytes that it may have, encoded and decoded.
        too_large: what a client whose body has more is told.

    Raises:
        RequestTooLarge: it has more than `limit` bytes.
        BodyTooSlow: it does not come.
        InvalidRequest: it is cut or malformed.
    """
    declared = request.content_length
    if declared is not None and declared > limit:
        raise RequestTooLarge(too_large)
    with as_body_errors("The body's framing does not match its headers."):
        # Not werkzeug's own reading: it cuts a chunked body at the limit and takes what it has for the whole.
        data: bytes = request.environ["wsgi.input"].read(limit + 1)
    if len(data) > limit:
        raise RequestTooLarge(too_large)
    if declared is not None and len(data) < declared:
        raise InvalidRequest("The body is shorter than its Content-Length.", code="invalid_body")
    if encodings := request.headers.get("Content-Encoding", ""):
        data = decoded(data, encodings, limit=limit)
        if len(data) > limit:
            raise RequestTooLarge(too_large)
    return data


@contextmanager
def as_body_errors(malformed: str) -> Iterator[None]:
    """Around a read of the body: raises BodyTooSlow, or InvalidRequest with this message."""
    try:
        yield
    except TimeoutError as exc:
        raise BodyTooSlow("The body came too slowly. Send it at 8 KiB a second or more.") from exc
    except (ParseException, OSError) as exc:
        raise InvalidRequest(malformed, code="invalid_body") from exc
