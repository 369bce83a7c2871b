"""Jobs for tests that talk to the ledger directly."""

from __future__ import annotations

import uuid
from typing import Any

from tasks.jobs import Job, Operation
from tasks.sampling import SamplingParams


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
