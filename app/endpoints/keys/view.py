"""A key as the calls and the command show it. Pure."""

from __future__ import annotations

from app.endpoints.keys.wire import ApiKey, KeyLimits
from app.http.wire_types import whole
from tasks.records.api_key import Key, Limits


def view(key: Key) -> ApiKey:
    """All but the secret, which nobody has. Times are whole seconds since the epoch."""
    return {
        "id": key.id,
        "object": "key",
        "name": key.name,
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "limits": _limits(key.limits),
        "created_at": int(key.created_at),
        "expires_at": whole(key.expires_at),
        "last_used_at": whole(key.last_used_at),
    }


def _limits(limits: Limits) -> KeyLimits:
    return {
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
        "jobs_in_flight": limits.jobs_in_flight,
        "streams": limits.streams,
        "stored_bytes": limits.stored_bytes,
        "result_bytes": limits.result_bytes,
        "models": None if limits.models is None else list(limits.models),
        "priority": limits.priority,
        "weight": limits.weight,
    }
