"""The types of values in models.yaml, with what is said of one that is not of its type."""

from __future__ import annotations

import json
import re
from math import inf
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from tasks.models import hub
from tasks.queue import task_names

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A model's own."""
ALIAS_PATTERN = r"[^\s\x00-\x1f\x7f]{1,256}"
SUM_PATTERN = r"[0-9A-Fa-f]{64}"
DURATION_PATTERN = r"(\d+(?:\.\d+)?)\s*([smh]?)"
LONGEST_SECONDS = 100 * 365.25 * 86400
"""Whoever says more means for ever. Redis and the calendar end somewhat later."""
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


_NO_SECONDS = "it must be seconds, or a number with s, m or h, such as 10m"


def _seconds(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(_NO_SECONDS)
    if not isinstance(value, str):
        is_long = isinstance(value, int | float) and LONGEST_SECONDS < value < inf
        return LONGEST_SECONDS if is_long else value
    match = re.fullmatch(DURATION_PATTERN, value.strip())
    if match is None:
        raise ValueError(_NO_SECONDS)
    return min(LONGEST_SECONDS, float(match[1]) * _UNITS[match[2]])


def _names(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("it must be a list of texts")
    if not all(re.fullmatch(ALIAS_PATTERN, each) for each in value):
        raise ValueError("an alias or a tag may have 256 characters, without blanks")
    return value


def _variables(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value):
        raise ValueError("it must be a mapping with each variable by its name")
    try:
        return json.loads(json.dumps(value, allow_nan=False))  # requests and `caravan up` pass it on as JSON
    except (TypeError, ValueError, RecursionError):
        raise ValueError("it must have values that JSON has; put a date into quotes") from None


def _count(value: Any) -> Any:
    """`yes` is no number, though Python has one for it."""
    return str(value) if isinstance(value, bool) else value


def checked_path(value: str) -> str:
    """A model's or an adapter's path, as it is written. Raises ValueError."""
    if value.startswith(hub.SCHEME):
        hub.HubFile.parse(value)
    elif "://" in value:
        raise ValueError("a model must be a file on this machine, or hf://owner/repo/file.gguf")
    return value


def _sums(value: Any) -> Any:
    sums = [value] if isinstance(value, str) else value
    if not isinstance(sums, list | tuple) or not all(
        isinstance(each, str) and re.fullmatch(SUM_PATTERN, each) for each in sums
    ):
        raise ValueError("it must be 64 hexadecimal digits, in quotes; for a model in several parts a list of such")
    return [each.lower() for each in sums]


def _name(value: str) -> str:
    if not re.fullmatch(NAME_PATTERN, value):
        raise ValueError("a model's name may have letters, digits, '.', '_' and '-', 64 at most")
    if value in task_names.CLERK_QUEUES:
        raise ValueError(f"'{value}' is reserved for a queue of the clerk")
    return value


_LINE = {"type": "string", "pattern": f"^{ALIAS_PATTERN}$"}
_ZERO = r"0+(\.0+)?\s*[smh]?\s*$"

Count = Annotated[int, BeforeValidator(_count)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names), WithJsonSchema({"type": "array", "items": _LINE})]
Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": rf"^\s*(?!{_ZERO}){DURATION_PATTERN}\s*$"},
            ]
        }
    ),
]
Variables = Annotated[dict[str, Any], BeforeValidator(_variables)]
ModelPath = Annotated[
    str,
    AfterValidator(checked_path),
    WithJsonSchema({"type": "string", "anyOf": [{"pattern": f"^{hub.PATTERN}$"}, {"not": {"pattern": "://"}}]}),
]
_SUM = {"type": "string", "pattern": f"^{SUM_PATTERN}$"}
Sums = Annotated[
    tuple[str, ...], BeforeValidator(_sums), WithJsonSchema({"anyOf": [_SUM, {"type": "array", "items": _SUM}]})
]
ModelName = Annotated[str, AfterValidator(_name)]
