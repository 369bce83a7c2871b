"""The job: the durable unit of work, and the transitions that its status may make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

from tasks.records.adapters import Adapters, names, of_request
from tasks.records.outcome import Delivery, Outcome
from tasks.records.version import known

VERSIONS = range(1, 4)
"""Versions of the record in Redis that are read. See tasks/records/version.py. What a job asks for decides which is
written: the second is for what the release before does not know, such as a gap to be filled; the third for adapters."""

MAX_CLAIMS = 100
"""Claims after which a job is given up, whatever the cause."""

MAX_CRASHES = 3
"""Crashes of workers since a job's last new token after which it goes to the dead letters."""

KILLS_PER_CRASH = 4
"""So many deaths whose cause is not known weigh as much as a crash."""

LEAST_KEPT_SECONDS = 600
"""So long an ended job is kept, whatever its owner has."""

MAX_ATTEMPTS = 3
"""How often a job may fail by a fault of the server's, if its request does not say."""


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come, unless somebody asks for the job to be run again."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset(
        {JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED},
    ),
    JobStatus.RUNNING: frozenset(
        {JobStatus.QUEUED, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED},
    ),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.QUEUED}),
    JobStatus.CANCELLED: frozenset({JobStatus.QUEUED}),
    JobStatus.EXPIRED: frozenset({JobStatus.QUEUED}),
}


class Operation(StrEnum):
    """The kind of request; it decides the form of the result."""

    CHAT = "chat"
    COMPLETION = "completion"
    RESPONSE = "response"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    TOKENIZE = "tokenize"
    DETOKENIZE = "detokenize"
    TOKENIZER_INFO = "tokenizer_info"
    APPLY_TEMPLATE = "apply_template"

    @property
    def converses(self) -> bool:
        """Whether it is answered from messages, which the model's chat template renders."""
        return self in (Operation.CHAT, Operation.RESPONSE)

    @property
    def generates(self) -> bool:
        """Whether tokens are generated."""
        return self.converses or self is Operation.COMPLETION

    @property
    def needs_slot(self) -> bool:
        """Whether the model runs. What only the tokenizer or the template answers is done before the line."""
        return self.generates or self in (Operation.EMBEDDING, Operation.RERANK)


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Priority).index(self)


SLOTLESS = "small"
"""The line of jobs that need no slot."""

LINES = (SLOTLESS, *Priority)
"""A model's lines: a job of one begins before those of the next."""


class QueueState(StrEnum):
    """Whether a model's queue accepts jobs, and gives them to workers."""

    OPEN = "open"
    PAUSED = "paused"
    """It takes jobs, and gives none: those that run go on."""
    DRAINING = "draining"
    """It takes none, and gives those that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A request of which the answer is kept for later ones that ask the same.

    ``digest`` is what it asks (`tasks.records.repeated`), ``seconds`` how long its answer is kept. ``looks`` is whether
    an answer that is kept already will do.
    """

    digest: str
    seconds: float
    looks: bool = True

    @classmethod
    def decode(cls, fields: Mapping[str, str]) -> Self | None:
        """That of a job's hash, if it has one."""
        return cls(digest=fields["answer"], seconds=float(fields["answer_seconds"])) if fields.get("answer") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as the ledger holds it. Times are seconds since the epoch on the clock of Redis.

    ``request`` is the validated body: ``messages``, ``prompt`` or ``input``, and ``sampling`` as
    `SamplingParams.encode` wrote it.
    ``weight`` is its owner's share of the line, as the key said. ``metered`` is what was counted of its key's minute
    when it was submitted: tokens, when, and the key's id; its end settles the difference. ``result_bytes`` is what its
    owner's jobs may take of Redis; None is any number. ``spared_seconds`` is how long it keeps its slot from more
    urgent jobs, since its turn came by age, or since it had to give way too often.
    ``attempt`` counts the claims; ``fence`` is the number of the last transition. ``crashes`` counts the crashes of
    workers since the last new token, ``kills`` their deaths of unknown causes, ``server_errors`` the server's own
    errors that it was tried again after. ``deaths`` has the last ten: worker, time, how it was found, and whether the
    job was decoded alone. ``alone`` is whether nothing may be run beside it, though it is no suspect. ``trace`` is its
    place in a trace, as `tasks.traces.span` wrote it, if it has one. ``repeat`` is by what its answer is found
    again, if its model's answers are kept; ``repeats`` is the id of the job whose answer it was given.
    """

    id: str
    model: str
    operation: Operation
    request: Mapping[str, Any]
    owner: str = "local"
    priority: Priority = Priority.NORMAL
    metadata: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    timeout_seconds: float | None = None
    max_attempts: int = MAX_ATTEMPTS
    webhook: str | None = None
    weight: float = 1.0
    metered: str = ""
    result_bytes: int | None = None
    trace: str = ""
    repeat: Repeat | None = None

    status: JobStatus = JobStatus.QUEUED
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    first_token_at: float | None = None
    fence: int = 0
    attempt: int = 0
    worker: str | None = None
    crashes: int = 0
    kills: int = 0
    alone: bool = False
    server_errors: int = 0
    deaths: Sequence[Mapping[str, Any]] = ()
    spared_seconds: float = 0.0
    outcome: Outcome | None = None
    error: Mapping[str, Any] | None = None
    delivery: Delivery = field(default_factory=Delivery)
    repeats: str = ""

    @property
    def webhook_origin(self) -> str | None:
        """Scheme, host and port of the webhook: what may be shown, since the rest of the address may be a secret."""
        if self.webhook is None:
            return None
        url = urlsplit(self.webhook)
        return f"{url.scheme}://{url.netloc}".lower()

    @property
    def line(self) -> str:
        """Which of its model's lines it stands in."""
        return self.priority.value if self.operation.needs_slot else SLOTLESS

    @property
    def yields(self) -> bool:
        """Whether it gives way to more urgent jobs, unless it is spared."""
        return self.priority is Priority.LOW

    @property
    def suspect(self) -> bool:
        """Whether workers may have died of it, so that it is decoded alone until its next token."""
        return self.alone or self.crashes * KILLS_PER_CRASH + self.kills >= (MAX_CRASHES - 1) * KILLS_PER_CRASH

    @property
    def adapters(self) -> Adapters:
        """What its text is computed with, beside the model."""
        return of_request(self.request)

    @property
    def asked_model(self) -> str:
        """The name under which its answer was asked for: with the adapter, if there is one."""
        adapters = self.adapters
        return f"{self.model}:{adapters[0][0]}" if len(adapters) == 1 else self.model

    @property
    def _version(self) -> int:
        """The first that knows all that is asked: a worker of a release before would answer something else."""
        if self.adapters:
            return 3
        gaps = any(isinstance(prompt, Mapping) for prompt in self.request.get("prompt", ()))
        return 2 if gaps or self.operation is Operation.RERANK else 1

    def encode(self) -> dict[str, str]:
        """The hash fields that submission writes; the ledger's scripts add and change the rest."""
        fields = {
            "v": str(self._version),
            "id": self.id,
            "model": self.model,
            "operation": self.operation.value,
            "owner": self.owner,
            "priority": self.priority.value,
            "request": json.dumps(self.request, ensure_ascii=False, separators=(",", ":")),
            "metadata": json.dumps(self.metadata, ensure_ascii=False, separators=(",", ":")),
            "request_id": self.request_id,
            "max_attempts": str(self.max_attempts),
            "weight": repr(self.weight),
        }
        if self.adapters:
            fields["adapters"] = names(self.adapters)
        if self.metered:
            fields["metered"] = self.metered
        if self.result_bytes is not None:
            fields["result_bytes"] = str(self.result_bytes)
        if self.trace:
            fields["trace"] = self.trace
        if self.repeat:
            fields |= {"answer": self.repeat.digest, "answer_seconds": repr(self.repeat.seconds)}
        if self.timeout_seconds is not None:
            fields["timeout"] = repr(self.timeout_seconds)
        if self.webhook is not None and self.webhook_origin is not None:
            fields |= {"webhook": self.webhook, "origin": self.webhook_origin}
        return fields

    @classmethod
    def decode(cls, fields: Mapping[str, str]) -> Self:
        """Read a job's hash; raises KeyError if fields are missing."""

        def seconds(name: str) -> float | None:
            return float(fields[name]) if fields.get(name) else None

        outcome = Outcome.decode(fields["outcome"]) if fields.get("outcome") else None
        repeats = fields.get("repeats", "")
        return cls(
            id=fields["id"],
            model=fields["model"],
            operation=Operation(fields["operation"]),
            request=json.loads(fields["request"]),
            owner=fields["owner"],
            priority=Priority(fields["priority"]),
            metadata=json.loads(fields["metadata"]),
            request_id=fields.get("request_id", ""),
            timeout_seconds=seconds("timeout"),
            status=JobStatus(fields["status"]),
            created_at=float(fields["created_at"]),
            started_at=seconds("started_at"),
            finished_at=seconds("finished_at"),
            first_token_at=seconds("first_token_at"),
            fence=int(fields["fence"]),
            attempt=int(fields.get("claims", 0)),
            worker=fields.get("worker") or None,
            max_attempts=int(fields.get("max_attempts", MAX_ATTEMPTS)),
            weight=float(fields.get("weight", 1.0)),
            trace=fields.get("trace", ""),
            crashes=int(fields.get("fails", 0)),
            kills=int(fields.get("kills", 0)),
            alone=fields.get("alone") == "1",
            server_errors=int(fields.get("failures", 0)),
            deaths=tuple(json.loads(fields.get("deaths", "[]"))),
            spared_seconds=float(fields.get("spared_seconds", 0.0)),
            outcome=outcome.repeated() if outcome and repeats else outcome,
            error=json.loads(fields["error"]) if fields.get("error") else None,
            webhook=fields.get("webhook"),
            delivery=Delivery(**known(Delivery, json.loads(fields.get("delivery", "{}")))),
            repeat=Repeat.decode(fields),
            repeats=repeats,
        )
