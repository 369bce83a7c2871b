"""Bodies that are sent compressed, to us and by us (RFC 9110, section 8.4)."""

from __future__ import annotations

import gzip
import zlib

from flask import Response
from werkzeug.datastructures import Accept

from tasks.errors import CaravanError, InvalidRequest

GZIP, ZLIB, RAW = 31, 15, -15
"""The window bits by which zlib tells its formats apart."""
MOST_MEMBERS = 16
_FORMATS = {"gzip": (GZIP,), "x-gzip": (GZIP,), "deflate": (ZLIB, RAW)}
"""Some clients send raw deflate, which is not what the name means."""


class UnsupportedEncoding(CaravanError):
    """Raised when a body is sent in a Content-Encoding that the server does not read."""

    http_status = 415
    type = "invalid_request_error"
    code = "unsupported_encoding"


def encoded(response: Response, *, for_one_that_takes: Accept) -> Response:
    """A response in gzip for a client that takes that, and as it is for others."""
    response.vary.add("Accept-Encoding")
    if for_one_that_takes.quality("gzip") > 0:
        response.set_data(gzip.compress(response.get_data(), compresslevel=5, mtime=0))
        response.content_encoding = "gzip"
    return response


def decoded(data: bytes, encodings: str, *, limit: int) -> bytes:
    """The body as it was before it was encoded, up to one byte more than `limit`.

    Args:
        encodings: the value of the Content-Encoding header; the last encoding was applied last.

    Raises UnsupportedEncoding, or InvalidRequest if the body is not in its encoding.
    """
    for encoding in reversed([each.strip().lower() for each in encodings.split(",")]):
        if encoding in ("", "identity"):
            continue
        if encoding not in _FORMATS:
            raise UnsupportedEncoding(
                f"Content-Encoding '{encoding[:40]}' is not supported. Send gzip or deflate, or the body as it is.",
                param="Content-Encoding",
            )
        data = _inflated(data, encoding, limit=limit)
    return data


def _inflated(data: bytes, encoding: str, *, limit: int) -> bytes:
    for window in _FORMATS[encoding]:
        try:
            return _read(data, window, limit=limit)
        except zlib.error:
            continue
    raise InvalidRequest(f"The body is not valid {encoding}.", param="Content-Encoding", code="invalid_body")


def _read(data: bytes, window: int, *, limit: int) -> bytes:
    """All members of a file, as gzip may have several; an end that is missing is an error."""
    found = b""
    for _ in range(MOST_MEMBERS):
        reader = zlib.decompressobj(window)
        found += reader.decompress(data, limit + 1 - len(found))
        if len(found) > limit:
            return found
        if not reader.eof:
            raise zlib.error("it is cut")
        data = reader.unused_data
        if not data or window != GZIP:
            return found
    raise zlib.error("it has too many members")
