"""The body of ``POST /admin/keys``, and what the calls about keys answer with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from typing_extensions import TypedDict  # pydantic takes the standard library's from Python 3.12 on

from app.bodies.job import ModelName
from app.bodies.part import Part
from app.http.wire_types import When
from tasks.errors import ModelNotFound
from tasks.records.api_key import RESERVED_OWNERS, Key, Limits, Scope, new_id
from tasks.records.job import Priority
from tasks.texts import nearest, shown

NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
MOST = 10**9
MOST_BYTES = 10**15
TEN_YEARS = 10 * 366 * 86_400


def _named(value: str) -> str:
    if not re.fullmatch(NAME, value):
        raise ValueError("it must begin with a letter or a digit; 63 more may follow, or any of '.', '_', '@', '-'")
    return value


Name = Annotated[str, AfterValidator(_named), Field(json_schema_extra={"pattern": NAME})]
Some = Annotated[int, Field(ge=1, le=MOST)]


class LimitsBody(Part):
    """The limits of a key. Null is the default of owners without the limit, if there is one."""

    requests_per_minute: Some | None = None
    tokens_per_minute: Some | None = None
    jobs_in_flight: Some | None = None
    streams: Some | None = None
    stored_bytes: Annotated[int, Field(ge=1, le=MOST_BYTES)] | None = None
    result_bytes: Annotated[int, Field(ge=1, le=MOST_BYTES)] | None = None
    models: Annotated[list[ModelName], Field(min_length=1, max_length=100)] | None = None
    priority: Literal["high", "normal", "low"] = "high"
    weight: float = Field(1.0, ge=0.001, le=1000)


class KeyBody(Part):
    """A key to make. Its owner is the key's name unless `owner` is given; `admin` and `local` are reserved."""

    name: Name
    owner: Name | None = Field(None, validate_default=True)
    scopes: list[Literal["inference", "admin", "metrics"]] = Field(["inference"], min_length=1, max_length=3)
    limits: LimitsBody = Field(default_factory=LimitsBody)
    expires_in: int | None = Field(None, ge=1, le=TEN_YEARS, description="Seconds.")

    @field_validator("owner")
    @classmethod
    def _not_reserved(cls, owner: str | None, info: ValidationInfo) -> str | None:
        if (owner or info.data.get("name")) in RESERVED_OWNERS:
            raise ValueError("The owners 'admin' and 'local' are reserved. Give the key another owner")
        return owner

    def key(self) -> Key:
        """The key, without a secret as yet."""
        asked = self.limits
        limits = Limits(
            requests_per_minute=asked.requests_per_minute,
            tokens_per_minute=asked.tokens_per_minute,
            jobs_in_flight=asked.jobs_in_flight,
            streams=asked.streams,
            stored_bytes=asked.stored_bytes,
            result_bytes=asked.result_bytes,
            models=None if asked.models is None else tuple(asked.models),
            priority=Priority(asked.priority),
            weight=asked.weight,
        )
        scopes = frozenset(map(Scope, self.scopes))
        return Key(id=new_id(), name=self.name, owner=self.owner or self.name, scopes=scopes, limits=limits)


def check_models(body: KeyBody, catalogue: Iterable[str]) -> None:
    """Raise ModelNotFound for a key of a model that is not in the catalogue: a slip, which would leave it useless."""
    known = sorted(catalogue)
    for number, model in enumerate(body.limits.models or ()):
        if model not in known:
            near = nearest(model, known)
            hint = f"Did you mean '{near}'?" if near else f"There are: {', '.join(known)}."
            raise ModelNotFound(f"There is no model '{shown(model)}'. {hint}", param=f"limits.models.{number}")


class KeyLimits(TypedDict):
    """The limits of a key; null is no limit."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    jobs_in_flight: int | None
    streams: int | None
    stored_bytes: int | None
    result_bytes: int | None
    models: list[str] | None
    priority: Priority
    weight: float


class ApiKey(TypedDict):
    """A key without its secret."""

    id: str
    object: Literal["key"]
    name: str
    owner: str
    scopes: list[Scope]
    limits: KeyLimits
    created_at: When
    expires_at: When | None
    last_used_at: Annotated[When | None, Field(description="Exact to about a minute.")]


class NewApiKey(ApiKey):
    """A new key. Only this response has its secret."""

    key: Annotated[str, Field(pattern="^cvn-[A-Za-z0-9_-]{43}$")]


class ApiKeyList(TypedDict):
    """All keys, the oldest first."""

    object: Literal["list"]
    data: list[ApiKey]


class DeletedApiKey(TypedDict):
    """A revoked key."""

    id: str
    object: Literal["key"]
    deleted: Literal[True]
