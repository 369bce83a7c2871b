"""What the body of every call that becomes a job has, and what it has as a job's."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field, GetPydanticSchema, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from app.bodies.adapter import resolved
from app.bodies.part import Part
from app.bodies.service_tier import Tier
from app.bodies.urgency import Urgency
from tasks.models.catalogue import ModelEntry
from tasks.records.adapters import Adapters
from tasks.records.job import MAX_ATTEMPTS, Operation
from tasks.webhooks import target


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it was sent, and the host that it leads to."""

    url: str
    host: str


def _webhook(url: Any) -> Webhook:
    if not isinstance(url, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return Webhook(url, target.parse(url).host)


_READ = GetPydanticSchema(lambda *_: core_schema.no_info_plain_validator_function(_webhook))
_WEBHOOK = {"type": "string", "format": "uri", "maxLength": target.MAX_LENGTH, "pattern": target.PATTERN}
MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
MAX_KEY_LENGTH = 255
"""Characters of an idempotency key."""
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)]
ModelName = Annotated[str, Field(min_length=1, max_length=256)]
AskedModel = Annotated[str, Field(max_length=256)]
"""Empty if it is left out: then the only model of its kind is asked."""


class JobBody(Part):
    """A body that becomes a job."""

    operation: ClassVar[Operation]

    model: AskedModel = ""
    """A name, or an alias. Left out, it is the one model of the kind that the call needs."""
    metadata: Metadata | None = None

    @property
    def tier(self) -> Tier | None:
        """The service tier that is asked for; None if none is."""
        return None

    @property
    def tells_progress(self) -> bool:
        """Whether its stream tells how far the prompt has been read."""
        return False

    @property
    def tells_times(self) -> bool:
        """Whether each piece of its stream tells how long it took so far."""
        return False

    def adapters(self, entry: ModelEntry, *, named: str | None) -> Adapters:
        """The adapters that are asked for; raises InvalidRequest.

        Args:
            named: the one that the model's name has.
        """
        return resolved(None, entry, named=named, numbered=None)

    @abstractmethod
    def request(self, entry: ModelEntry) -> dict[str, Any]:
        """What goes to the worker; raises InvalidRequest if the model cannot do it."""


class Envelope(Urgency):
    """How a job is to be treated.

    ``max_attempts`` is how often it may fail by a fault of the server's before it has failed. ``webhook`` is told of
    the job's end. ``idempotency_key`` is that of the header ``Idempotency-Key``, which a job of a list has
    no other way to say.
    """

    idempotency_key: Annotated[str, Field(min_length=1, max_length=MAX_KEY_LENGTH)] | None = None
    max_attempts: int = Field(MAX_ATTEMPTS, ge=1, le=10)
    webhook: Annotated[Webhook, _READ, WithJsonSchema(_WEBHOOK)] | None = None
