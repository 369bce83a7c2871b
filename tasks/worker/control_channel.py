"""Hearing at once of jobs that are cancelled, or followed. A bell that is missed costs a second at most."""

from __future__ import annotations

import threading
from collections.abc import Callable

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import UNAVAILABLE
from tasks.logs import get_logger

PAUSE_SECONDS = 0.5

log = get_logger(__name__)


def listen(client: redis.Redis, model: str, on_ring: Callable[[str], None], stopping: threading.Event) -> None:
    """Call `on_ring` with what the model's bell tells, until told to stop: a job's id, or `FOLLOWED` before it."""
    while not stopping.is_set():
        try:
            with client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
                pubsub.subscribe(redis_keys.control_channel(model))
                while not stopping.is_set():
                    if message := pubsub.get_message(timeout=PAUSE_SECONDS):
                        on_ring(message["data"])
        except UNAVAILABLE as exc:
            log.warning("the bell is not heard", error=str(exc))
            stopping.wait(PAUSE_SECONDS)
