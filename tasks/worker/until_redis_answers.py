"""Calls to Redis that a worker must make: tried again until they succeed or the worker has stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from tasks.ledger.connection import UNAVAILABLE
from tasks.ledger.until_answered import until_answered
from tasks.worker.stop_flag import StopFlag

T = TypeVar("T")


class UntilRedisAnswers:
    """Makes a call through any absence of Redis; None only once `given_up` is set."""

    def __init__(self, given_up: threading.Event | StopFlag) -> None:
        self._given_up = given_up

    def __call__(self, call: Callable[[], T]) -> T | None:
        try:
            return until_answered(call, wait=self._given_up.wait)
        except UNAVAILABLE:
            return None
