"""The thread that reads the ledger once a second for whoever starts workers, and writes what was decided.

All input and output is here, so that a Redis that does not answer holds up nothing else. While it is away nothing is
read, so nothing is decided: all stays as it is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import redis

from tasks.ledger import scaling
from tasks.ledger.connection import UNAVAILABLE
from tasks.ledger.scaling import Demand
from tasks.logs import get_logger

LOOK_SECONDS = 1.0
MOST_WRITES = 100
"""Kept while Redis is away; the oldest are dropped."""

Write = Callable[[redis.Redis], object]

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What the ledger said of each model, and when: seconds of a clock that does not go back."""

    at: float
    demands: Mapping[str, Demand]


class LedgerLine:
    """Reads and writes. The methods return at once.

    Args:
        client: used by this thread alone.
        models: whose demand is read.
    """

    def __init__(self, client: redis.Redis, models: Collection[str]) -> None:
        self._client = client
        self._workers: Mapping[str, Collection[str]] = dict.fromkeys(models, ())
        self._look: Look | None = None
        self._writes: deque[Write] = deque(maxlen=MOST_WRITES)
        self._stopping = threading.Event()
        self._failing = ""
        self._thread = threading.Thread(target=self._run, name="scaling", daemon=True)

    def start(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()

    def count_jobs_of(self, workers: Mapping[str, Collection[str]]) -> None:
        """Say which workers' jobs are counted from now on, by model."""
        self._workers = workers

    def take(self) -> Look | None:
        """The newest look, once."""
        look, self._look = self._look, None
        return look

    def post(self, write: Write) -> None:
        """Have something written before the next look."""
        self._writes.append(write)

    def close(self) -> None:
        """Stop; what waits to be written is dropped. It waits for a call that Redis does not answer, two seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        self._client.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._once()
                self._failing = ""
            except Exception as exc:  # whatever it is, workers are looked after
                self._complain(exc)
            self._stopping.wait(LOOK_SECONDS)

    def _once(self) -> None:
        while self._writes:
            write = self._writes[0]
            try:
                write(self._client)
            except UNAVAILABLE:
                raise  # written later
            except redis.RedisError as exc:
                self._complain(exc)
            self._writes.popleft()
        workers = self._workers
        self._look = Look(time.monotonic(), scaling.demands(self._client, workers))

    def _complain(self, exc: Exception) -> None:
        """Once for each trouble; the other programs tell that Redis is away."""
        told = f"{type(exc).__name__}: {exc}"
        if told != self._failing:
            self._failing = told
            if isinstance(exc, redis.RedisError):
                log.debug("the ledger was not read", error=told)
            else:
                log.error("the ledger was not read", error=told, exc_info=exc)
