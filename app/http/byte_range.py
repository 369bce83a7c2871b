"""A part of a file, as the ``Range`` header asks for it (RFC 9110, section 14). Pure."""

from __future__ import annotations

from werkzeug.http import parse_range_header

from tasks.errors import CaravanError


class RangeNotSatisfiable(CaravanError):
    """Raised when a range begins after the end of a file of so many bytes."""

    http_status = 416
    type = "invalid_request_error"
    code = "range_not_satisfiable"

    size: int = 0


def span(header: str | None, size: int) -> tuple[int, int] | None:
    """From which byte until before which; None for the whole. What is no range of bytes, or several, asks for nothing.

    Raises RangeNotSatisfiable if the file has none of them.
    """
    asked = parse_range_header(header)
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    first, last = asked.ranges[0]
    first, last = max(first + size, 0) if first < 0 else first, min(size if last is None else last, size)
    if first >= last:
        error = RangeNotSatisfiable(f"The file has {size} bytes, and this range has none of them.", param="Range")
        error.size = size
        raise error
    return first, last
