"""Values as JSON: always JSON, whatever they are."""

from __future__ import annotations

import base64
import datetime
import json
import math
from typing import Any


def to_json(value: Any) -> str:
    """A value as JSON, which has null for NaN and for the infinities; what JSON has no form for, as text."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=_plain)


def to_text(value: Any) -> str:
    """The same as a text that UTF-8 has a form for: half a surrogate pair stays escaped."""
    text = to_json(value)
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return json.dumps(json.loads(text))


def to_bytes(value: Any) -> bytes:
    """The same in UTF-8."""
    return to_text(value).encode()


def _finite(value: Any) -> Any:
    """The value with null for each float that is no number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return value


def _plain(value: Any) -> Any:
    """What a template's values, which are Python's, are in JSON."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
