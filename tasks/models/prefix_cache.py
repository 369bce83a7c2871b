"""Where an entry of models.yaml keeps prefixes that have left the cells: in memory, and in a folder."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from tasks.byte_sizes import bytes_of, size

OFF = ("off", False, None)
"""No cache; YAML reads `off` as false."""
LEAST_BYTES = 1 << 20
MOST_BYTES = 1 << 50
SIZE_PATTERN = r"\d+(?:\.\d+)?\s*[KMGTkmgt]?(?:[iI]?[bB])?"


class PrefixCache(BaseModel):
    """Bytes of memory; with a `folder`, bytes of its disk as well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory: int
    folder: str | None = None
    disk: int | None = None


def _cache(value: Any) -> Any:
    """A size may stand alone."""
    if value is None or value is False or value == "off" or isinstance(value, PrefixCache):
        return value if isinstance(value, PrefixCache) else None
    said = value if isinstance(value, dict) else {"memory": value}
    if more := said.keys() - PrefixCache.model_fields.keys():
        raise ValueError(f"{min(more, key=str)} is not a key of it; there are memory, folder, disk")
    if "memory" not in said:
        raise ValueError("say how much memory it may take, such as memory: 4GiB")
    folder, disk = said.get("folder"), said.get("disk")
    if folder is not None and (not isinstance(folder, str) or not folder):
        raise ValueError("folder must be the path of a folder")
    if (folder is None) != (disk is None):
        raise ValueError("folder and disk go together: a folder, and how much of its disk it may take, such as 20GiB")
    return PrefixCache(
        memory=_bytes("memory", said["memory"]), folder=folder, disk=None if disk is None else _bytes("disk", disk)
    )


def _bytes(name: str, value: Any) -> int:
    is_size = isinstance(value, int | float | str) and not isinstance(value, bool)
    count = bytes_of(str(value)) if is_size else 0
    if not LEAST_BYTES <= count <= MOST_BYTES:
        raise ValueError(f"{name} must be a size such as 4GiB, at least {size(LEAST_BYTES)}")
    return count


_SIZE = {
    "anyOf": [
        {"type": "integer", "minimum": LEAST_BYTES, "maximum": MOST_BYTES},
        {"type": "string", "pattern": rf"^\s*{SIZE_PATTERN}\s*$"},
    ]
}
_FOLDER = {"type": "string", "minLength": 1}
_WHOLE = {
    "type": "object",
    "properties": {"memory": _SIZE, "folder": _FOLDER, "disk": _SIZE},
    "required": ["memory"],
    "dependentRequired": {"folder": ["disk"], "disk": ["folder"]},
    "additionalProperties": False,
}
PrefixCaching = Annotated[
    PrefixCache | None,
    BeforeValidator(_cache),
    WithJsonSchema({"anyOf": [{"enum": [*OFF]}, *_SIZE["anyOf"], _WHOLE]}),
]
