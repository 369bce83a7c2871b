"""Calls to Redis that must be made: tried again while Redis is away."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from tasks.ledger.connection import UNAVAILABLE
from tasks.logs import get_logger

PAUSE_SECONDS = 0.2

log = get_logger(__name__)
T = TypeVar("T")


def until_answered(
    call: Callable[[], T], *, wait: Callable[[float], object] = time.sleep, seconds: float = math.inf
) -> T:
    """What a call answers, which is made again while Redis is away.

    Args:
        wait: waits for so many seconds between two tries, and is true once nobody needs the answer any more.
        seconds: how long it is tried.

    Raises the last of redis-py's errors when `wait` is true or the time is over.
    """
    away, until = False, time.monotonic() + seconds
    while True:
        try:
            answer = call()
        except UNAVAILABLE as exc:
            if not away:
                log.warning("redis does not answer; waiting for it", error=str(exc))
            away = True
            if wait(PAUSE_SECONDS) or time.monotonic() > until:
                raise
        else:
            if away:
                log.info("redis is back")
            return answer
