"""Texts that a client may send as one string, several, one list of token ids, or several; also mixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MOST_TOKEN_ID = 2**31 - 1
Given = str | list[int | str]
"""A text, or token ids with texts among them."""
_ID = {"type": "integer", "minimum": 0, "maximum": MOST_TOKEN_ID}
_TEXT = {"type": "string", "minLength": 1}
_IDS = {"type": "array", "minItems": 1, "items": {"anyOf": [_ID, _TEXT]}, "contains": _ID}
_PART = {"type": "object", "properties": {"type": {"const": "text"}, "text": _TEXT}}
_PARTS = {
    "type": "array",
    "minItems": 1,
    "items": {**_PART, "required": ["type", "text"], "additionalProperties": False},
}
_OBJECTS = [
    {"type": "object", "properties": {name: form}, "required": [name], "additionalProperties": False}
    for name, form in (("prompt_string", _TEXT), ("content", _PARTS))
]
_ONE = [_TEXT, _IDS, *_OBJECTS]


def inputs(most: int) -> Any:
    """Annotations of a field whose value becomes a list of texts and lists of token ids, `most` at most.

    Not a union: its errors would name the members that were tried.
    """

    def read(value: Any) -> list[Given]:
        several = isinstance(value, list) and not any(map(_is_number, value))
        listed = value if several else [value]
        if not 1 <= len(listed) <= most:
            raise PydanticCustomError("inputs", "Input should be 1 to {most} texts", {"most": most})
        return [_read(one, number) for number, one in enumerate(listed)]

    many = {"type": "array", "minItems": 1, "maxItems": most, "items": {"anyOf": _ONE}}
    return PlainValidator(read), WithJsonSchema({"anyOf": [*_ONE, many]})


def _read(one: Any, number: int) -> Given:
    if isinstance(one, Mapping):
        one = _text_of(one)
    if one in ("", []):
        raise PydanticCustomError("empty_input", "Text {number} is empty", {"number": number})
    if isinstance(one, str):
        return one
    if (
        not isinstance(one, list)
        or not any(map(_is_id, one))
        or not all(_is_id(each) or _is_text(each) for each in one)
    ):
        raise PydanticCustomError(
            "inputs", "Input should be a string, a list of strings, a list of token ids or a list of such lists"
        )
    return one


def _text_of(given: Mapping[str, Any]) -> Any:
    """The text of llama-server's objects; None for others."""
    if set(given) == {"prompt_string"}:
        return given["prompt_string"]
    parts = given.get("content")
    if set(given) != {"content"} or not isinstance(parts, list):
        return None
    if not all(
        isinstance(part, Mapping) and part.get("type") == "text" and set(part) == {"type", "text"} for part in parts
    ):
        raise PydanticCustomError(
            "inputs", "Its content can only have parts of text: this server's models take no media"
        )
    texts = [part["text"] for part in parts]
    return "".join(texts) if all(map(_is_text, texts)) else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKEN_ID
