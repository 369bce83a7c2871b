"""Fields that are taken though nothing comes of them: what they ask for is no part of the answer.

A field that clients know and send, and whose absence makes no answer wrong, is no reason to refuse a request. Each is
marked `Unused` where it stands, and a response names those that its request had.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

HEADER = "X-Unused-Parameters"


@dataclass(frozen=True, slots=True)
class Unused:
    """Marks a field of which nothing comes, whatever its value but `done`: that asks for what is done anyway."""

    done: Any = None


UNUSED = Unused()


def unused(body: BaseModel, prefix: str = "") -> Iterator[str]:
    """The names of the unused fields that a body has, as paths with dots; a list's objects count as one."""
    for name, field in type(body).model_fields.items():
        value, path = getattr(body, name), prefix + (field.alias or name)
        marks = [mark for mark in field.metadata if isinstance(mark, Unused)]
        if marks and value not in (None, marks[0].done):
            yield path
        parts = value if isinstance(value, list) else [value]
        if not marks and isinstance(parts[0] if parts else None, BaseModel):
            found = (each for part in parts if isinstance(part, BaseModel) for each in unused(part, f"{path}."))
            yield from dict.fromkeys(found)
