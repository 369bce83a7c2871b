"""What a worker asks for the jobs that it holds: claim them, write their tokens, end them, give them back.

Every method is one Lua script under ``lua``, so a process may die between any two calls.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.ledger.histograms import measured
from tasks.ledger.scripts import Scripts
from tasks.records.job import MAX_CLAIMS, MAX_CRASHES, VERSIONS, Job, JobStatus
from tasks.records.outcome import Outcome

GivenBack = Literal["drained", "outranked"]
Verdict = str
"""``ok``, or the present status of a job that the caller has lost (``unknown``, ``gap`` among them)."""
UNREAD = "unread"
"""What `Leases.append` says of events that were written, and that nobody was there to read."""
WRITTEN = ("ok", UNREAD)
_NOT_KEPT = ("", "")
"""Of an answer that no later request gets."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds jobs: a worker, and the digests of its model's files, as `tasks.models.digest.told` has them.

    ``computes`` is a digest of all that decides what it answers; empty where no answers are kept.
    """

    worker: str
    digest: str
    computes: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on a job: `job` when it was given, else `status`, why it was not."""

    job: Job | None
    status: str


@dataclass(frozen=True, slots=True)
class Append:
    """The events that one step made for one job: stored bodies, the first of them numbered `first`."""

    job_id: str
    fence: int
    first: int
    events: Sequence[str]


@dataclass(frozen=True, slots=True)
class Write:
    """What is to be written of a job: a script, and what it is given."""

    script: str
    args: tuple[str | int | float, ...]


class Leases:
    """Claims jobs and writes what becomes of them. All methods raise redis-py's errors when Redis is away."""

    def __init__(self, run: Scripts, *, lease_seconds: float) -> None:
        self._run = run
        self._lease_seconds = lease_seconds

    def claim(
        self,
        job_id: str,
        holder: Holder,
        *,
        model: str,
        call: str,
        free_slots: int = 1,
        obtainable_slots: int | None = None,
    ) -> Claim:
        """Hold a queued job of `model` until its lease ends. One that has tokens of another file is failed.

        Args:
            call: a text that no other claim has; the same again, after a lost reply, gets the same claim.
            free_slots: slots of the worker that no other job has, or waits for. A job without one is not blamed for
                the worker's death.
            obtainable_slots: as many and those that `low` jobs would give to it, if it is more urgent.
        """
        obtainable = free_slots if obtainable_slots is None else obtainable_slots
        calls = {job_id: call}
        return self.claim_many(calls, holder, model=model, free_slots=free_slots, obtainable_slots=obtainable)[0]

    def claim_many(
        self, calls: Mapping[str, str], holder: Holder, *, model: str, free_slots: int, obtainable_slots: int
    ) -> list[Claim]:
        """Claim jobs as `claim` does, one after the other and in one round trip.

        A job that takes several slots is counted as one of those before the next: what it has is known once it is here.

        Args:
            calls: by the jobs' ids.
        """
        trip, lease = self._run.trip(), self._lease_seconds
        for taken, (job_id, call) in enumerate(calls.items()):
            trip.run(
                "claim", job_id, holder.worker, lease, VERSIONS.start, VERSIONS[-1], MAX_CLAIMS, model, call,
                holder.digest, free_slots - taken, obtainable_slots - taken, MAX_CRASHES, holder.computes,
            )  # fmt: skip
        return [_claim(reply) for reply in trip.go()]

    def append(self, holder: Holder, parts: Sequence[Append]) -> list[Verdict]:
        """Append events for many jobs in one call; a verdict for each part."""
        args: list[str | int] = []
        for part in parts:
            args += [part.job_id, part.fence, part.first, len(part.events), *part.events]
        verdicts: list[Verdict] = self._run("append", *self._held_by(holder), *args)
        return verdicts

    def succeed(
        self,
        holder: Holder,
        job_id: str,
        fence: int,
        num_events: int,
        outcome: Outcome,
        *,
        is_traced: bool = False,
        same_until: float | None = None,
    ) -> Write:
        """End a job well, which so many events were sent of. Its trace tells why its choices ended.

        Args:
            same_until: if its answer is to be kept, until when the same request makes the same prompt, in seconds since
                the epoch; infinite for always.
        """
        usage = json.dumps(outcome.usage.encode())
        durations = json.dumps([part for pair in measured(outcome).items() for part in pair])
        kept = _NOT_KEPT if same_until is None else (holder.computes, "" if same_until == math.inf else same_until)
        end = (JobStatus.SUCCEEDED.value, durations, *kept, "outcome", outcome.encode(), "usage", usage)
        reasons = ("finish_reasons", json.dumps([choice.finish_reason for choice in outcome.choices]))
        ended = (*end, *reasons) if is_traced else end
        return Write("finish", (*self._held_by(holder), job_id, fence, num_events, *ended))

    def fail(self, holder: Holder, job_id: str, fence: int, num_events: int, error: str) -> Write:
        """End a job with an error, given as JSON in its wire form."""
        end = (JobStatus.FAILED.value, "[]", *_NOT_KEPT, "error", error)
        return Write("finish", (*self._held_by(holder), job_id, fence, num_events, *end))

    def put_off(self, holder: Holder, job_id: str, fence: int, num_events: int, error: str, *, seconds: float) -> Write:
        """Have a job that failed tried again in some seconds."""
        return Write("put_off", (*self._held_by(holder), job_id, fence, num_events, seconds, error))

    def write(self, writes: Sequence[Write]) -> list[Verdict]:
        """Carry out what `succeed`, `fail` and `put_off` gave, in one round trip; a verdict for each."""
        trip = self._run.trip()
        for each in writes:
            trip.run(each.script, *each.args)
        return [str(verdict) for verdict in trip.go()]

    def extend(self, holder: Holder, model: str, held: Mapping[str, int]) -> dict[str, str]:
        """Extend the leases of held jobs (id -> fence); the present status of each that is lost."""
        pairs = [part for job_id, fence in held.items() for part in (job_id, fence)]
        return dict(_pairs(self._run("extend", *self._held_by(holder), model, *pairs)))

    def give_back(
        self, holder: Holder, job_id: str, fence: int, num_events: int, reason: GivenBack = "drained"
    ) -> Verdict:
        """Put a held job back into the line, which so many events were sent of, with no blame.

        Args:
            reason: the worker is stopping, or has more urgent ones.
        """
        return str(self._run("give_back", *self._held_by(holder), job_id, fence, num_events, reason))

    def _held_by(self, holder: Holder) -> tuple[str | float, ...]:
        return holder.worker, self._lease_seconds, holder.digest


def _claim(reply: Sequence[str]) -> Claim:
    status, *rest = reply
    return Claim(Job.decode(dict(_pairs(rest))) if status == "claimed" else None, status)


def _pairs(flat: Sequence[str]) -> Iterable[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)
