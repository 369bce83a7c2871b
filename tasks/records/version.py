"""Versions of the records in Redis. Processes of two releases run side by side while they are replaced.

A release that changes a record's form raises its version and still reads the one before: what was accepted by the old
processes is ended by the new. What a newer release has written is left alone; who asks for it is told to ask again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from functools import cache
from typing import Any

from tasks.errors import RecordTooNew


def is_readable(fields: Mapping[str, str], versions: range) -> bool:
    """Whether there is a record, in one of the versions that this release reads.

    Raises:
        RecordTooNew: A newer release has written it.
    """
    found = fields.get("v", "")
    if not found.isdigit():
        return False
    if int(found) >= versions.stop:
        raise RecordTooNew("A newer version of Caravan wrote this, and is replacing the process that answered.")
    return int(found) in versions


def known(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a dataclass has fields for: a newer release may have written more."""
    names = _names(cls)
    return {name: value for name, value in values.items() if name in names}


@cache
def _names(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in fields_of(cls))
