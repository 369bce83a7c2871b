"""What batches have to know of the endpoints. It is the front's knowledge, and handed in from above."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from tasks.batches.batch import Batch
from tasks.errors import CaravanError, EngineFailure
from tasks.logs import get_logger
from tasks.records.api_key import Limits
from tasks.records.job import Job

log = get_logger(__name__)


class Endpoints(Protocol):
    """From a line's body to a job, and from a job that has ended to what its endpoint answers."""

    def models(self, limits: Limits) -> Iterable[str]:
        """The models that may be asked."""

    def job(self, batch: Batch, job_id: str, body: Mapping[str, Any]) -> Job:
        """The job of a body, under an id; raises CaravanError if it cannot be run as it stands."""

    def answer(self, batch: Batch, job: Job) -> Mapping[str, Any]:
        """The answer of a job that succeeded; raises CaravanError if it cannot be told."""


class Guarded:
    """Endpoints of which a fault of ours fails a line, and does not hold up the batch."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def models(self, limits: Limits) -> Iterable[str]:
        return self._endpoints.models(limits)

    def job(self, batch: Batch, job_id: str, body: Mapping[str, Any]) -> Job:
        with _as_failure(job_id):
            return self._endpoints.job(batch, job_id, body)

    def answer(self, batch: Batch, job: Job) -> Mapping[str, Any]:
        with _as_failure(job.id):
            return self._endpoints.answer(batch, job)


@contextmanager
def _as_failure(job_id: str) -> Iterator[None]:
    try:
        yield
    except CaravanError:
        raise
    except Exception as exc:
        log.exception("line failed", job_id=job_id)
        raise EngineFailure("The server failed on this line; the clerk's log has the cause.") from exc
