"""A key as the calls and the command show it. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tasks.records.api_key import Key


def view(key: Key) -> dict[str, Any]:
    """All but the secret, which nobody has. Times are whole seconds since the epoch."""
    return {
        "id": key.id,
        "object": "key",
        "name": key.name,
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "limits": asdict(key.limits),
        "created_at": int(key.created_at),
        "expires_at": _whole(key.expires_at),
        "last_used_at": _whole(key.last_used_at),
    }


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)
