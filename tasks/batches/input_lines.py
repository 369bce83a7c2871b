"""The lines of a batch's input: read one at a time, and what is at fault with one. Pure but for the reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pydantic_core

MAX_CUSTOM_ID = 512
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
"""The byte order mark, which may begin a file of UTF-8 (RFC 8259, 8.1, lets a reader pass over it)."""


class Line(NamedTuple):
    """A line that is not blank: its number from 1, its text, or None if it is too long, and where it ends."""

    number: int
    text: bytes | None
    end: int


@dataclass(frozen=True, slots=True)
class Request:
    """What a line asks for."""

    custom_id: str
    body: Mapping[str, Any]


class LineFault(Exception):
    """Raised when a line is no request; in the words of OpenAI's ``batch.errors.data``."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param

    def to_wire(self, line: int | None) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "param": self.param, "line": line}


def split(pieces: Iterable[bytes], *, number: int, offset: int, longest: int) -> Iterator[Line]:
    """The lines of a file that is read in pieces, from a line's beginning on. A too long one is not kept in memory."""
    kept, dropped = bytearray(), 0
    for piece in pieces:
        begin = 0
        while (end := piece.find(b"\n", begin)) >= 0:
            kept += piece[begin:end]
            begin = end + 1
            offset += len(kept) + dropped + 1
            yield from _line(number, kept, dropped, offset, longest)
            kept, dropped, number = bytearray(), 0, number + 1
        kept += piece[begin:]
        if len(kept) > longest:
            dropped, kept = dropped + len(kept), bytearray()
    yield from _line(number, kept, dropped, offset + len(kept) + dropped, longest)


def _line(number: int, kept: bytearray, dropped: int, end: int, longest: int) -> Iterator[Line]:
    if number == 1 and kept.startswith(_BOM):
        kept = kept[len(_BOM) :]
    if dropped or len(kept) > longest:
        yield Line(number, None, end)
    elif kept.strip(_BLANK):
        yield Line(number, bytes(kept), end)


def read(line: Line, *, endpoint: str, longest: int) -> Request:
    """The request of a line; raises LineFault."""
    if line.text is None:
        raise LineFault("line_too_long", f"This line is longer than {longest} bytes.")
    try:
        value = pydantic_core.from_json(line.text, allow_inf_nan=False)
    except ValueError as exc:
        if b"\0" in line.text:  # of which JSON has none
            message = "This line is not UTF-8, but seems to be UTF-16 or UTF-32. Save the file as UTF-8."
            raise LineFault("invalid_json_line", message) from exc
        raise LineFault("invalid_json_line", "This line is not parseable as valid JSON.") from exc
    if not isinstance(value, dict):
        raise LineFault("invalid_json_line", "This line is not a JSON object.")
    for name in ("custom_id", "method", "url", "body"):
        if value.get(name) is None:
            raise LineFault("missing_required_parameter", f"Missing required parameter: '{name}'.", name)
    custom_id, body = value["custom_id"], value["body"]
    if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= MAX_CUSTOM_ID:
        raise LineFault("invalid_custom_id", f"custom_id must be 1 to {MAX_CUSTOM_ID} characters.", "custom_id")
    if value["method"] != "POST":
        raise LineFault("invalid_method", f"Invalid method: {_shown(value['method'])}. Supported is 'POST'.", "method")
    if value["url"] != endpoint:
        raise LineFault(
            "mismatched_url",
            f"The URL of this request, {_shown(value['url'])}, is not the batch's endpoint, '{endpoint}'.",
            "url",
        )
    if not isinstance(body, dict):
        raise LineFault("invalid_body", "The body of a request must be an object.", "body")
    if unknown := next((name for name in value if name not in ("custom_id", "method", "url", "body")), None):
        raise LineFault("unknown_parameter", f"Unknown parameter: {_shown(unknown)}.", str(unknown)[:80])
    return Request(custom_id, body)


def _shown(value: Any) -> str:
    return f"'{str(value)[:80]}'"
