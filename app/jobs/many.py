"""Waiting for any of many jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.access.caller import caller
from app.services.services import services
from tasks.ledger.jobs import Looked
from tasks.records.job import Job

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.2
"""Between two looks, which grow apart. A look at 1,000 jobs takes Redis about a millisecond."""
MOST_BYTES = 4 << 20
"""Of results in one answer, unless a single one has more."""


class Ended(NamedTuple):
    """Jobs that have ended, and the ids of those that are not there."""

    jobs: list[Job]
    missing: list[str]


def wait_for_any(job_ids: Sequence[str], *, seconds: float) -> Ended:
    """Those of the caller's jobs that have ended or are not there, once there are any or the seconds are over.

    Raises redis-py's errors when Redis is away.
    """
    job_ids = list(dict.fromkeys(job_ids))
    owner = "" if caller().is_admin else caller().owner
    deadline = time.monotonic() + min(seconds, services().settings.max_wait_seconds)
    jobs = services().ledger.jobs
    for pause in _pauses():
        looked = jobs.look(job_ids, owner=owner)
        left = deadline - time.monotonic()
        if looked.ended or looked.gone or left <= 0:
            read = [job for job in jobs.get_whole(_fitting(looked)) if job and job.status.ended]
            return Ended(read, looked.gone)
        time.sleep(min(pause, left))
    raise AssertionError("the pauses do not end")


def _fitting(looked: Looked) -> list[str]:
    """The first of the jobs that have ended, as far as their results fit in one answer."""
    found, size = list[str](), 0
    for job_id, each in zip(looked.ended, looked.sizes, strict=True):
        size += each
        if found and size > MOST_BYTES:
            break
        found.append(job_id)
    return found


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
