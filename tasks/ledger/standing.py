"""Where a queued job stands: its place, whether its model's queue is open, and who serves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.ledger import redis_keys
from tasks.ledger.overview import Crew, crew_of
from tasks.ledger.trip import Trip
from tasks.records.job import Job, QueueState


@dataclass(frozen=True, slots=True)
class Standing:
    """As Redis had it in one round trip, though not at one moment."""

    position: int | None
    """How many jobs of its model are begun before it, itself counted; None if it waits no more.

    An estimate, as far as jobs of several owners take turns by how many tokens they take.
    """
    queue_state: QueueState
    crew: Crew


def ask(trip: Trip, job: Job) -> None:
    """Have a round trip bring a job's standing."""
    trip.run("position", job.id, job.model)
    trip.read("GET", redis_keys.queue_state(job.model))
    trip.read("HGETALL", redis_keys.crew(job.model))


def read(replies: Sequence[Any]) -> Standing:
    """The standing, of the replies to what `ask` asked for."""
    position, state, sums = replies
    assert isinstance(sums, Mapping)
    return Standing(position, QueueState(state or QueueState.OPEN), crew_of(sums))
