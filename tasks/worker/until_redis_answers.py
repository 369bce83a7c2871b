"""Calls to Redis that must be made: tried again until they succeed or the worker has stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from tasks.ledger.connection import UNAVAILABLE
from tasks.logs import get_logger
from tasks.worker.stop_flag import StopFlag

PAUSE_SECONDS = 0.2

log = get_logger(__name__)
T = TypeVar("T")


class UntilRedisAnswers:
    """Makes a call through any absence of Redis; None only once `given_up` is set."""

    def __init__(self, given_up: threading.Event | StopFlag) -> None:
        self._given_up = given_up

    def __call__(self, call: Callable[[], T]) -> T | None:
        away = False
        while True:
            try:
                answer = call()
            except UNAVAILABLE as exc:
                if not away:
                    log.warning("redis does not answer; waiting for it", error=str(exc))
                away = True
                if self._given_up.wait(PAUSE_SECONDS):
                    return None
            else:
                if away:
                    log.info("redis is back")
                return answer
