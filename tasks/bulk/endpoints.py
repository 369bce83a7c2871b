"""What batches have to know of the endpoints. It is the front's knowledge, and handed in from above."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from tasks.bulk.batch import Batch
from tasks.jobs import Job
from tasks.keys import Limits


class Endpoints(Protocol):
    """From a line's body to a job, and from a job that has ended to what its endpoint answers."""

    def models(self, limits: Limits) -> Iterable[str]:
        """The models that may be asked."""

    def job(self, batch: Batch, job_id: str, body: Mapping[str, Any]) -> Job:
        """The job of a body, under an id; raises CaravanError if it cannot be run as it stands."""

    def answer(self, job: Job) -> Mapping[str, Any]:
        """The answer of a job that succeeded."""
