"""Jobs for tests that talk to the ledger directly."""

from __future__ import annotations

import uuid
from typing import Any

import redis

from tasks.ledger.admission import Broken, Busy, Cancelled, Draining, Full, Kept, Refusal, Submission
from tasks.records.job import Job, JobStatus, Operation
from tasks.records.sampling import SamplingParams


def completion(
    prompt: str = "Once", *, model: str = "fake", sampling: dict[str, Any] | None = None, **options: Any
) -> Job:
    """A completion job, greedy unless told otherwise."""
    params = SamplingParams(**{"temperature": 0.0, "max_tokens": 8, **(sampling or {})})
    request = {"prompt": prompt, "sampling": params.encode()}
    return Job(id=str(uuid.uuid4()), model=model, operation=Operation.COMPLETION, request=request, **options)


def embedding(texts: list[str], *, model: str = "fake", **options: Any) -> Job:
    """A job for the vectors of some texts."""
    request = {"input": texts, "encoding_format": "float"}
    return Job(id=str(uuid.uuid4()), model=model, operation=Operation.EMBEDDING, request=request, **options)


def reranking(query: str, documents: list[str], *, model: str = "fake", **options: Any) -> Job:
    """A job for the scores of some documents."""
    request = {"query": query, "documents": documents}
    return Job(id=str(uuid.uuid4()), model=model, operation=Operation.RERANK, request=request, **options)


def in_line(client: redis.Redis, model: str = "fake") -> set[str]:
    """The ids of all jobs that stand in a lane of a model's lines; each lane is listed, and none is empty."""
    lanes = set(map(str, client.keys(f"caravan:lane:{model}:*")))
    listed = {
        wait.replace("caravan:wait:", "caravan:lane:") + f":{owner!s}"
        for wait in map(str, client.keys(f"caravan:wait:{model}:*"))
        for owner in client.zrange(wait, 0, -1)
    }
    assert lanes == listed
    return {str(job_id) for lane in lanes for job_id in client.zrange(lane, 0, -1)}


def verdict(reply: Submission | Cancelled | Refusal | JobStatus | str | None) -> str:
    """What the ledger made of a call, in a word."""
    match reply:
        case None:
            return "unknown"
        case Submission():
            return reply.verdict
        case Cancelled() | Full() | Draining() | Broken() | Busy() | Kept():
            return type(reply).__name__.lower()
        case _:
            return str(reply)
