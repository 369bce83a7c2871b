"""Versions of the records in Redis. Processes of two releases run side by side while they are replaced.

A release that changes a record's form raises its version and still reads the one before: what was accepted by the old
processes is ended by the new. What a newer release has written is left alone; who asks for it is told to ask again.
"""

from __future__ import annotations

from collections.abc import Mapping

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
        raise RecordTooNew("A newer version of Caravan has written this, and is replacing the one that answers here.")
    return int(found) in versions
