"""What is wrong with the values of models.yaml, and where: in the file's own words, not in pydantic's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tasks.allowed import allowed
from tasks.models.models_file import ModelsFile
from tasks.texts import nearest, printable, shown

KEY = "[key]"
"""How pydantic marks that a key of a mapping is at fault, and not its value."""
Level = tuple[str, type[BaseModel] | None]
"""What stands at a depth of the file, with its keys; None where the keys are names."""
Levels = Sequence[Level | Mapping[str, Level]]
"""Those of each depth; a mapping where it depends on the key above."""


def told(file: ModelsFile, exc: ValidationError, levels: Levels) -> str:
    """All faults, in the order of their lines: ``/srv/models.yaml, line 4: models.one.slotz is not a key ...``."""
    faults = sorted(
        ((_line(file, error), _fault(file, error, levels)) for error in exc.errors()), key=lambda each: each[0]
    )
    return f"{file.path}, " + "; ".join(f"line {line}: {fault}" for line, fault in faults)


def _line(file: ModelsFile, error: ErrorDetails) -> int:
    return file.line(_place(error))


def _place(error: ErrorDetails) -> Sequence[str | int]:
    return [part for part in error["loc"] if part != KEY]


def _fault(file: ModelsFile, error: ErrorDetails, levels: Levels) -> str:
    place = _place(error)
    name = ".".join(printable(shown(part)) for part in place) or "the file"
    cause = error.get("ctx", {}).get("error")
    if cause:
        return f"{name}: {cause}"
    if error["type"] == "missing":
        return f"{name} is missing"
    if error["type"] == "extra_forbidden":
        return f"{name} is not a key of {_hint(str(place[-1]), _level(levels, place, len(place) - 1))}"
    is_ = file.as_written(place)
    if error["type"] in ("model_type", "dict_type", "too_short"):
        return f"{name} is {is_}: it must be a mapping with {_inside(_level(levels, place, len(place)))}"
    return f"{name} is {is_}: it must be {_may_be(place, levels)}{_quoting(error)}"


def _level(levels: Levels, place: Sequence[str | int], depth: int) -> Level:
    level = levels[depth]
    return level[str(place[depth - 1])] if isinstance(level, Mapping) else level


def _hint(key: str, level: Level) -> str:
    what, model = level
    known = list(model.model_fields) if model else []
    if near := nearest(key, known):
        return f"{what}; did you mean {near}?"
    return f"{what}; " + (f"there are {', '.join(known)}" if len(known) > 1 else f"the only one is {known[0]}")


def _inside(level: Level) -> str:
    what, model = level
    keys = list(model.model_fields) if model else []
    return f"the key{'s' * (len(keys) > 1)} {', '.join(keys)}" if keys else f"{what}, indented under it"


def _may_be(place: Sequence[str | int], levels: Levels) -> str:
    _, model = _level(levels, place, len(place) - 1)
    assert model is not None, "a name has no value of its own"
    return allowed(model.model_fields[str(place[-1])])


def _quoting(error: ErrorDetails) -> str:
    """YAML reads `yes`, `1.5` and `2024-01-01` as something else than a text."""
    one_value = error["input"] is not None and not isinstance(error["input"], list | dict)
    return "; put it into quotes" if error["type"] == "string_type" and one_value else ""
