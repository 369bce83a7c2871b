"""The adapters with which an answer is to be computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from app.bodies.part import Part
from tasks.errors import InvalidRequest
from tasks.models.adapters import MOST_SCALE
from tasks.models.catalogue import ModelEntry
from tasks.records.adapters import Adapters, together
from tasks.texts import nearest, shown

MOST_TOGETHER = 8

AdapterName = Annotated[str, Field(min_length=1, max_length=64)]


class AskedAdapter(Part):
    """One adapter. ``scale`` is how much of what it has learnt is added; left out, as much as models.yaml says."""

    name: AdapterName
    scale: float | None = Field(None, ge=-MOST_SCALE, le=MOST_SCALE)


def _as_list(value: Any) -> Any:
    """One may stand alone, and by its name alone. Not a union: its errors would name the members that were tried."""
    several = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | Mapping | AskedAdapter) for each in several):
        raise PydanticCustomError("adapter_type", "Input should be a name, an object with name and scale, or a list")
    return [{"name": each} if isinstance(each, str) else each for each in several]


_ONE = AdapterName | AskedAdapter
_SEVERAL = Annotated[list[_ONE], Field(max_length=MOST_TOGETHER)]
AskedAdapters = Annotated[
    Annotated[list[AskedAdapter], Field(max_length=MOST_TOGETHER)],
    BeforeValidator(_as_list, json_schema_input_type=_ONE | _SEVERAL),
]


class NumberedAdapter(Part):
    """One adapter as llama-server has it: by its place among those of models.yaml, counted from 0."""

    id: int = Field(ge=0)
    scale: float = Field(ge=-MOST_SCALE, le=MOST_SCALE)


def resolved(
    asked: Sequence[AskedAdapter] | None,
    entry: ModelEntry,
    *,
    named: str | None,
    numbered: Sequence[NumberedAdapter] | None,
) -> Adapters:
    """The adapters that a request asks for.

    Args:
        asked: in the field ``adapter``.
        named: by the model's name.
        numbered: in llama-server's field ``lora``.

    Raises:
        InvalidRequest: the model has no such adapter, one is asked for twice, or in two ways.
    """
    by_name = [AskedAdapter(name=named)] if named is not None else []
    ways = {"model": by_name, "adapter": asked or [], "lora": _by_number(numbered or [], entry)}
    first, *others = [way for way, several in ways.items() if several] or ["adapter"]
    if others:
        raise InvalidRequest(f"{first} names an adapter already: leave {others[0]} out.", param=others[0])
    wanted = ways[first]
    if len({each.name for each in wanted}) < len(wanted):
        raise InvalidRequest("An adapter is asked for twice.", param=first)
    return together((each.name, _scale(each, entry)) for each in wanted)


def _by_number(numbered: Sequence[NumberedAdapter], entry: ModelEntry) -> list[AskedAdapter]:
    names = list(entry.adapters)
    if missing := [each.id for each in numbered if each.id >= len(names)]:
        raise InvalidRequest(
            f"The model's adapters are {len(names)}, counted from 0: there is no {missing[0]}.", param="lora"
        )
    return [AskedAdapter(name=names[each.id], scale=each.scale) for each in numbered]


def _scale(asked: AskedAdapter, entry: ModelEntry) -> float:
    known = entry.adapters
    if asked.name not in known:
        near = nearest(asked.name, known)
        hint = f"Did you mean '{near}'? " if near else ""
        there, name = ", ".join(known) or "none", shown(asked.name)
        raise InvalidRequest(f"The model has no adapter '{name}'. {hint}It has: {there}.", param="adapter")
    return known[asked.name].scale if asked.scale is None else asked.scale
