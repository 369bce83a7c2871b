"""LoRA adapters as an entry of models.yaml has them: a name, a file, and how much of what it has learnt is added."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from tasks.models import hub
from tasks.models.key_types import NAME_PATTERN, checked_path

MOST_ADAPTERS = 64
"""Of a model: all of them lie in its memory."""
MOST_SCALE = 100.0


class AdapterFile(BaseModel):
    """One adapter: a GGUF file, or one of the Hub's. `scale` is what counts where a request names none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    scale: float = 1.0


def _files(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("it must be a mapping with each adapter by its name")
    if len(value) > MOST_ADAPTERS:
        raise ValueError(f"a model may have {MOST_ADAPTERS} adapters")
    return {_name(name): _file(name, said) for name, said in value.items()}


def _name(name: Any) -> str:
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name):
        raise ValueError("an adapter's name may have letters, digits, '.', '_' and '-', 64 at most")
    return name


def _file(name: str, said: Any) -> AdapterFile:
    """A path may stand alone."""
    if isinstance(said, AdapterFile):
        return said
    said = {"path": said} if isinstance(said, str) else said
    if not isinstance(said, dict) or not isinstance(said.get("path"), str) or not said["path"]:
        raise ValueError(f"{name} must be the path of a GGUF adapter file, or a mapping with path and scale")
    if more := said.keys() - AdapterFile.model_fields.keys():
        raise ValueError(f"{name}: {min(more)} is not a key of an adapter; there are path, scale")
    scale = said.get("scale", 1.0)
    if not isinstance(scale, int | float) or isinstance(scale, bool) or not abs(scale) <= MOST_SCALE:
        raise ValueError(f"{name}: scale must be a number from {-MOST_SCALE:.0f} to {MOST_SCALE:.0f}")
    return AdapterFile(path=checked_path(said["path"]), scale=scale)


_PATH = {"type": "string", "minLength": 1, "anyOf": [{"pattern": f"^{hub.PATTERN}$"}, {"not": {"pattern": "://"}}]}
_SCALE = {"type": "number", "minimum": -MOST_SCALE, "maximum": MOST_SCALE}
_WHOLE = {
    "type": "object",
    "properties": {"path": _PATH, "scale": _SCALE},
    "required": ["path"],
    "additionalProperties": False,
}
AdapterFiles = Annotated[
    dict[str, AdapterFile],
    BeforeValidator(_files),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
            "additionalProperties": {"anyOf": [_PATH, _WHOLE]},
            "maxProperties": MOST_ADAPTERS,
        }
    ),
]
