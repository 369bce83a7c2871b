"""What a job that succeeded gives: the answer of its operation's endpoint."""

from __future__ import annotations

from typing import Any

from app.endpoints.openai.completion import completion
from app.endpoints.openai.responses.response import response
from app.endpoints.openai.vectors import embeddings
from tasks.records.job import Job, Operation


def result(job: Job) -> dict[str, Any] | None:
    """The object that the ``/v1`` endpoint answers with; None for a job that did not succeed."""
    if job.outcome is None:
        return None
    match job.operation:
        case Operation.CHAT | Operation.COMPLETION:
            return completion(job, job.outcome)
        case Operation.RESPONSE:
            return response(job)
        case Operation.EMBEDDING:
            return embeddings(job, job.outcome)
        case _:
            return dict(job.outcome.data)
