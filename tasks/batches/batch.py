"""The batch: a file of requests, what has become of it, and how far it has come."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Self

from tasks.files.record import Part, decode_parts
from tasks.records.api_key import Limits
from tasks.records.version import is_readable

VERSIONS = range(1, 3)
"""Versions of the record in Redis that are read. See tasks/records/version.py."""
_SINCE = {"/v1/messages": 2}
"""Endpoints that clerks of version 1 do not know: they leave such a batch to a newer one. Others are of version 1."""

_WINDOW = re.compile(r"([1-9][0-9]{0,3})([mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}
LONGEST_WINDOW = 30 * 86_400


class BatchStatus(StrEnum):
    """OpenAI's."""

    VALIDATING = "validating"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come, unless somebody asks for what has failed to be run again."""
        return self in (BatchStatus.FAILED, BatchStatus.COMPLETED, BatchStatus.EXPIRED, BatchStatus.CANCELLED)


TIMES = (
    *(f"{status}_at" for status in BatchStatus if status is not BatchStatus.VALIDATING),
    *("created_at", "expires_at", "paused_at"),
)


class Checkpoint(NamedTuple):
    """How far the lines of a batch have been collected: the next row and line, and where that begins in the input.

    ``earlier`` is where the next line of the output that is gone over again begins.
    """

    row: int = 0
    line: int = 1
    offset: int = 0
    earlier: int = 0

    def encode(self) -> str:
        return json.dumps(self)

    @classmethod
    def decode(cls, text: str) -> Self:
        return cls(*json.loads(text)) if text else cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file that a batch writes: its id, and what of it has been written down."""

    id: str
    parts: tuple[Part, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Lines that have their answer or have failed, and the tokens of all that ran.

    ``left_out`` are those of the failed lines that were not run: the batch was cancelled, or had expired.
    """

    completed: int = 0
    failed: int = 0
    left_out: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0

    @property
    def done(self) -> int:
        return self.completed + self.failed

    def __add__(self, other: Counts) -> Counts:
        more = asdict(other)
        return Counts(**{name: value + more[name] for name, value in asdict(self).items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast it goes, lately; zeros if that is not known."""

    lines: float = 0.0
    tokens: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch as Redis holds it. Times are seconds since the epoch on the clock of Redis.

    ``limits`` are those of the key that made it. ``round`` counts how often failed lines were run again.
    """

    id: str
    owner: str
    endpoint: str
    input_file_id: str
    completion_window: str
    metadata: Mapping[str, str] | None = None
    limits: Limits = field(default_factory=Limits)
    output_expires_in: int | None = None
    trace: str = ""
    """The `traceparent` of the request that made it, if that is recorded."""

    status: BatchStatus = BatchStatus.VALIDATING
    times: Mapping[str, float] = field(default_factory=dict)
    fence: int = 0
    round: int = 0
    total: int = 0
    errors: Sequence[Mapping[str, Any]] = ()
    checkpoint: str = ""
    counts: Counts = Counts()
    speed: Speed = Speed()
    answered: int = 0
    """Lines that have their answer, also those that are not written yet because an earlier one has none."""
    output: OutputFile = OutputFile(id="")
    error: OutputFile = OutputFile(id="")
    earlier_output: str = ""
    stalled: str = ""
    """Why it stands still, if it does; a word of `tasks.errors`."""

    def job_id(self, row: int) -> str:
        """The id of the job of a row: the same whoever submits it, so that it runs once."""
        return str(uuid.uuid5(uuid.UUID(self.id.removeprefix(PREFIX)), f"{self.round}:{row}"))

    def encode(self) -> dict[str, str]:
        """The fields that its maker writes; the scripts add and change the rest."""
        fields = {
            "v": str(_SINCE.get(self.endpoint, 1)),
            "endpoint": self.endpoint,
            "completion_window": self.completion_window,
            "window": str(window_seconds(self.completion_window)),
            "limits": self.limits.encode(),
            "output_file": self.output.id,
            "error_file": self.error.id,
            "round": "0",
        }
        if self.total:
            fields["total"] = str(self.total)
        if self.metadata is not None:
            fields["metadata"] = json.dumps(self.metadata, ensure_ascii=False)
        if self.trace:
            fields["trace"] = self.trace
        if self.output_expires_in is not None:
            fields["output_expires_in"] = str(self.output_expires_in)
        return fields

    @classmethod
    def decode(cls, fields: Mapping[str, str]) -> Self | None:
        """Read a batch's hash; None if there is none. Raises RecordTooNew."""
        if not is_readable(fields, VERSIONS):
            return None
        return cls(
            id=fields["id"],
            owner=fields["owner"],
            endpoint=fields["endpoint"],
            input_file_id=fields["input_file_id"],
            completion_window=fields["completion_window"],
            metadata=json.loads(fields["metadata"]) if "metadata" in fields else None,
            limits=Limits.decode(fields["limits"]),
            output_expires_in=int(fields["output_expires_in"]) if "output_expires_in" in fields else None,
            trace=fields.get("trace", ""),
            status=BatchStatus(fields["status"]),
            times={name: float(fields[name]) for name in TIMES if name in fields},
            fence=int(fields["fence"]),
            round=int(fields["round"]),
            total=int(fields.get("total", 0)),
            errors=tuple(json.loads(fields.get("errors", "[]"))),
            checkpoint=fields.get("place", ""),
            counts=Counts(**{name: int(fields.get(name, 0)) for name in asdict(Counts())}),
            speed=Speed(lines=float(fields.get("lines_a_second", 0)), tokens=float(fields.get("tokens_a_second", 0))),
            answered=int(fields.get("answered", 0)),
            output=OutputFile(id=fields["output_file"], parts=decode_parts(fields.get("output_parts", "[]"))),
            error=OutputFile(id=fields["error_file"], parts=decode_parts(fields.get("error_parts", "[]"))),
            earlier_output=fields.get("earlier_output", ""),
            stalled=fields.get("stalled", ""),
        )


PREFIX = "batch_"


def new_id() -> str:
    return PREFIX + uuid.uuid4().hex


def window_seconds(text: str) -> int:
    """A completion window, as ``24h``, ``7d`` or ``90m``, in seconds. Raises ValueError for anything else."""
    match = _WINDOW.fullmatch(text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 60 <= seconds <= LONGEST_WINDOW:
        raise ValueError(f"not a completion window: {text!r}")
    return seconds
