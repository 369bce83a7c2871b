"""API keys: who may call, for what, and how much.

A key is ``cvn-`` and 256 random bits. Redis knows its SHA-256 alone: nobody can guess so many bits, so a slow hash,
which makes guesses of weak passwords expensive, would only make every request expensive.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol, Self

from tasks.records.job import Priority
from tasks.records.version import is_readable, known

PREFIX = "cvn-"
LOCAL_OWNER = "local"
"""Whose jobs they are while API keys are off."""
ADMIN_OWNER = "admin"
"""Whose jobs they are that the key of the settings submits."""
RESERVED_OWNERS = frozenset({LOCAL_OWNER, ADMIN_OWNER})
EVERYONE = "*"
"""All owners, where one could be named. No owner's name begins with it."""
"""Owners of whom no key is made: it would open what others have left there."""
SECRET_BYTES = 32
VERSIONS = range(1, 3)
"""Versions of the record in Redis that are read. See tasks/records/version.py.

The second is written of keys with the scope `metrics` alone, which the release before does not know: there they are
answered with 503 for a while. It reads all others, so that a key that is made during an upgrade opens every process.
"""


class Owned(Protocol):
    """What belongs to somebody."""

    @property
    def owner(self) -> str: ...


class Scope(StrEnum):
    """The calls that a key allows. ``admin`` allows all calls of the others as well."""

    INFERENCE = "inference"
    ADMIN = "admin"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a key may ask for; None is any number, and any model."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    jobs_in_flight: int | None = None
    streams: int | None = None
    """Responses that the server holds open for the owner at once."""
    stored_bytes: int | None = None
    """Of the owner's files."""
    result_bytes: int | None = None
    """Of Redis, that the owner's ended jobs take."""
    models: tuple[str, ...] | None = None
    priority: Priority = Priority.HIGH
    """The most urgent priority that it may use."""
    weight: float = 1.0
    """The owner's share of a line that owners share."""

    def allows(self, model: str) -> bool:
        return self.models is None or model in self.models

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Self:
        values = json.loads(text)
        models = None if values["models"] is None else tuple(values["models"])
        return cls(**{**known(cls, values), "models": models, "priority": Priority(values["priority"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key without its secret: whoever calls with it. Times are seconds since the epoch.

    ``id`` names it in lists and may be seen by anyone; the secret cannot be made from it.
    """

    id: str
    name: str
    owner: str
    scopes: frozenset[Scope]
    limits: Limits = field(default_factory=Limits)
    created_at: float = 0.0
    expires_at: float | None = None
    last_used_at: float | None = None

    @property
    def is_admin(self) -> bool:
        return Scope.ADMIN in self.scopes

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or self.is_admin

    def sees(self, thing: Owned) -> bool:
        """Whether a job, a file or a batch is the caller's to see, to follow and to end."""
        return self.is_admin or thing.owner == self.owner

    def encode(self) -> dict[str, str]:
        fields = {
            "v": "2" if Scope.METRICS in self.scopes else "1",
            "id": self.id,
            "name": self.name,
            "owner": self.owner,
            "scopes": " ".join(sorted(self.scopes)),
            "limits": self.limits.encode(),
            "created_at": repr(self.created_at),
        }
        return fields if self.expires_at is None else {**fields, "expires_at": repr(self.expires_at)}

    @classmethod
    def decode(cls, fields: Mapping[str, str]) -> Self | None:
        """Read a key's hash; None if there is none. Raises RecordTooNew."""
        if not is_readable(fields, VERSIONS):
            return None
        return cls(
            id=fields["id"],
            name=fields["name"],
            owner=fields["owner"],
            scopes=frozenset(map(Scope, fields["scopes"].split())),
            limits=Limits.decode(fields["limits"]),
            created_at=float(fields["created_at"]),
            expires_at=_seconds(fields, "expires_at"),
            last_used_at=_seconds(fields, "last_used_at"),
        )


def new_secret() -> str:
    """A key that nobody has."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def new_id() -> str:
    return f"key-{secrets.token_hex(8)}"


def digest(secret: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _seconds(fields: Mapping[str, Any], name: str) -> float | None:
    return float(fields[name]) if name in fields else None
