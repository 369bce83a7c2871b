"""Waiting for a job's end, without hearing its tokens."""

from __future__ import annotations

import time
from collections.abc import Iterator

from app.services.services import Services
from tasks.ledger import redis_keys
from tasks.ledger.connection import UNAVAILABLE
from tasks.ledger.stream_hub import Missed

PAUSE_SECONDS = 0.5


def until_ended(to: Services, job_id: str, *, look_seconds: float) -> Iterator[None]:
    """Wait until a job has ended or is gone; yields every so often, so that a caller can act or give up.

    Who waits so is no reader: the tokens of a job that nobody reads are written together. The end is told by a channel
    of its own. A worker of a release that does not know it is found out at the next look, and so is a Redis that was
    away.
    """
    with to.hub.subscribe(redis_keys.end_channel(job_id)) as end:
        while True:
            try:
                looked = to.ledger.jobs.look([job_id])
            except UNAVAILABLE:
                yield
                time.sleep(PAUSE_SECONDS)
                continue
            if looked.ended or looked.gone:
                return
            try:
                if end.get(look_seconds):
                    return
            except Missed:
                continue
            yield
