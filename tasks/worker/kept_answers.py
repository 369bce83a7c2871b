"""What a worker says of answers that are kept: what decides them, and until when a prompt stays the same."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from tasks.engine.backend import Backend
from tasks.models.catalogue import ModelEntry
from tasks.models.changes import NOT_THE_WORKERS
from tasks.records.job import Job
from tasks.worker.prepare import render

DAY: Final = 86400
"""Seconds. Templates are told the time in UTC."""
_PACKAGES: Final = ("llama-caravan", "llama-cpp-python")
"""Of which another release may render or compute otherwise."""
_BESIDE: Final = {*NOT_THE_WORKERS, "answer_cache", "sha256"}
"""Keys of an entry that change no answer. What requests may leave out is in each job's own request."""


def computes(entry: ModelEntry, digest: str) -> str:
    """A digest of all that decides what a worker answers; empty for a model whose answers are not kept.

    Args:
        digest: of the model's files, as a claim has it.
    """
    if entry.answer_cache is None:
        return ""
    releases = [version(package) for package in _PACKAGES]
    said = json.dumps([releases, digest, entry.model_dump(mode="json", exclude=_BESIDE)], sort_keys=True)
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def same_until(job: Job, backend: Backend) -> float:
    """When the same request makes another prompt than this job's, in seconds since the epoch; infinite for never.

    A template that tells the date makes the same one all day. One that tells more than the date makes the same one at
    no other time: then it is the job's own time. All that a clock shows differs between the first second of a day and
    its last.
    """
    if not (job.operation.converses and backend.tells_time):
        return math.inf
    day = job.created_at // DAY * DAY
    prompt, *others = (render(replace(job, created_at=at), backend) for at in (job.created_at, day, day + DAY - 1))
    return day + DAY if all(other == prompt for other in others) else job.created_at
