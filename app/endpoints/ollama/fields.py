"""Fields of Ollama's bodies that may be of several types. Not unions: their errors would name the members."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.bodies.unused import UNUSED

LEVELS = ("low", "medium", "high", "max")
_DURATION = re.compile(r"[+-]?(?:\d{1,18}|(?:\d{1,18}(?:\.\d{0,18})?(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)", re.ASCII)
"""Go's form of a time, such as ``1h30m``; a number alone is in seconds."""


def _keep_alive(value: Any) -> float | str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and _DURATION.fullmatch(value)):
        return value  # type: ignore[no-any-return]
    raise PydanticCustomError("keep_alive", "Input should be seconds, or a time such as 5m")


def unloads(keep_alive: float | str | None) -> bool:
    """Whether a model is to be unloaded at once: its time is 0."""
    return keep_alive is not None and not re.search("[1-9]", str(keep_alive))


def _format(value: Any) -> dict[str, Any] | None:
    """The schema that an answer has to meet; None for an answer of any form."""
    if value == "":
        return None
    if value == "json":
        return {"type": "object"}
    if isinstance(value, dict):
        return value
    raise PydanticCustomError("format", "Input should be 'json' or a JSON schema")


def _think(value: Any) -> bool | str:
    if isinstance(value, bool) or value in LEVELS:
        return value  # type: ignore[no-any-return]
    raise PydanticCustomError("think", "Input should be true, false, {levels}", {"levels": " or ".join(LEVELS)})


def texts(most: int) -> Any:
    """Annotations of a field that is one text or a list of up to `most`. One that is empty is none."""

    def read(value: Any) -> list[str]:
        listed = [text for text in (value,) if text] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
            raise PydanticCustomError("texts", "Input should be a string or a list of strings")
        if "" in listed:
            raise PydanticCustomError("empty_input", "Text {number} is empty", {"number": listed.index("")})
        if len(listed) > most:
            raise PydanticCustomError("texts", "Input should be {most} texts at most", {"most": most})
        return listed

    many = {"type": "array", "maxItems": most, "items": {"type": "string", "minLength": 1}}
    return PlainValidator(read), WithJsonSchema({"anyOf": [{"type": "string"}, many]})


KeepAlive = Annotated[
    float | str | None,
    PlainValidator(_keep_alive),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^(?:{_DURATION.pattern})$"}]}),
    UNUSED,
]
Format = Annotated[
    dict[str, Any] | None,
    PlainValidator(_format),
    WithJsonSchema({"anyOf": [{"enum": ["", "json"]}, {"type": "object"}]}),
]
Think = Annotated[bool | str | None, PlainValidator(_think), WithJsonSchema({"enum": [True, False, *LEVELS]})]
