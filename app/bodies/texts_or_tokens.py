"""Texts that a client may send as one string, several, one list of token ids, or several."""

from __future__ import annotations

from typing import Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MOST_TOKEN_ID = 2**31 - 1
_IDS = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": MOST_TOKEN_ID}}
_TEXT = {"type": "string", "minLength": 1}


def inputs(most: int) -> Any:
    """Annotations of a field whose value becomes a list of texts, or a list of lists of token ids, `most` at most.

    Not a union: its errors would name the members that were tried.
    """

    def read(value: Any) -> list[str] | list[list[int]]:
        listed = [value] if isinstance(value, str) or _are_ids(value) else value
        if isinstance(listed, list):
            for number, one in enumerate(listed):
                if one in ("", []):
                    raise PydanticCustomError("empty_input", "Text {number} is empty", {"number": number})
        if not isinstance(listed, list) or not (all(map(_is_text, listed)) or all(map(_are_ids, listed))):
            raise PydanticCustomError(
                "inputs", "Input should be a string, a list of strings, a list of token ids or a list of such lists"
            )
        if not 1 <= len(listed) <= most:
            raise PydanticCustomError("inputs", "Input should be 1 to {most} texts", {"most": most})
        return listed

    several = [{"type": "array", "minItems": 1, "maxItems": most, "items": one} for one in (_TEXT, _IDS)]
    return PlainValidator(read), WithJsonSchema({"anyOf": [_TEXT, _IDS, *several]})


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_id, value))


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKEN_ID
