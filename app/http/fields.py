"""Which fields a body may have where it has one that it may not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel


def beside(schema: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The names, as they are sent, of the fields beside the one at a path of pydantic's.

    Args:
        path: names, numbers in lists, and the tags of unions, of which those are passed over that are no field's.
    """
    levels = [schema]
    for step in path[:-1]:
        fields = [field for level in levels for name, field in _fields(level) if name == step]
        levels = [model for field in fields for model in _models(field.annotation)] or levels
    return [name for level in levels for name, _ in _fields(level)]


def _fields(schema: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    return ((field.alias or name, field) for name, field in schema.model_fields.items())


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type has in it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
