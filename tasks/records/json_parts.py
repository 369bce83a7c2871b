"""JSON put together from parts that are JSON already, so that large ones are made once. Pure functions.

`json.dumps` lets no other thread run until it is done: 100 ms for a result of 3 MB, in which a worker decodes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def written(value: Any) -> str:
    """A value, without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def array(parts: Iterable[str]) -> str:
    """An array of these values."""
    return f"[{','.join(parts)}]"


def with_member(members: str, name: str, value: str) -> str:
    """An object that has members already, with one more at its end."""
    return f"{members[:-1]},{written(name)}:{value}}}"
