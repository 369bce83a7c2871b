"""What every body and every part of one have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Part(BaseModel):
    """A body, or an object inside one. Unknown fields are refused, so that none is ignored in silence.

    Null asks for nothing, whatever the field: clients send it for what was not given. Only a required field's null is
    left to the field.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, sent: Any) -> Any:
        if not isinstance(sent, Mapping) or None not in sent.values():
            return sent
        required = _required(cls)
        return {name: value for name, value in sent.items() if value is not None or name in required}


def _required(schema: type[BaseModel]) -> set[str]:
    """The names, as they are sent, of the fields that have no default."""
    return {field.alias or name for name, field in schema.model_fields.items() if field.is_required()}


def type_of(value: Any) -> Any:
    """The ``type`` of an object that is sent, or that was validated; None if it has none."""
    return value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
