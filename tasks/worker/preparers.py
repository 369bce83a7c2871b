"""Threads that make work for the engine of claimed jobs, so that claiming the next waits for none."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

import redis

from tasks.engine.step_clock import StepClock
from tasks.errors import CaravanError, EngineFailure
from tasks.ledger import event_stream
from tasks.logs import get_logger
from tasks.worker.held import Held, Holdings
from tasks.worker.model_runner import ModelRunner
from tasks.worker.publisher import Publisher
from tasks.worker.until_redis_answers import UntilRedisAnswers

SLOW_THREADS: Final = 2
"""Threads that prepare the jobs that take long: compiling a grammar may take a second, and a long text as well."""
LARGE: Final = 1 << 15
"""Characters and token ids of a request from which on tokenising it may take tens of milliseconds."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Claimed:
    held: Held
    alone: bool


class Preparers:
    """One thread prepares jobs in the order in which they were claimed, and hands those that take long to others."""

    def __init__(
        self,
        *,
        client: redis.Redis,
        work: ModelRunner,
        holdings: Holdings,
        publisher: Publisher,
        until_redis_answers: UntilRedisAnswers,
    ) -> None:
        self._redis = client
        self._work = work
        self._holdings = holdings
        self._publisher = publisher
        self._until_redis_answers = until_redis_answers
        self.clock = StepClock()
        """Of preparing jobs: a tokenizer that never returns is as bad as an engine that does not."""
        self.slow_clocks = tuple(StepClock() for _ in range(SLOW_THREADS))
        self._claimed: SimpleQueue[_Claimed | None] = SimpleQueue()
        self._slow: SimpleQueue[_Claimed | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._num_waiting = 0

    @property
    def idle(self) -> bool:
        """Whether all that was put is prepared."""
        return self._num_waiting == 0

    def put(self, held: Held, *, alone: bool = False) -> None:
        """Any thread: prepare a job. `alone` says that nothing may be run beside it for now; it is never handed on."""
        self._count(1)
        self._claimed.put(_Claimed(held, alone))

    def stop(self) -> None:
        """Any thread: end the threads when they have prepared all that was put."""
        self._claimed.put(None)

    def run(self) -> None:
        """Until `stop`: the thread that prepares in order."""
        while (claimed := self._claimed.get()) is not None:
            if not claimed.alone and self._takes_long(claimed.held):
                self._slow.put(claimed)
            else:
                self._prepare(claimed, self.clock)
        for _ in self.slow_clocks:
            self._slow.put(None)

    def run_slow(self, clock: StepClock) -> None:
        """Until `stop`: prepare the jobs that take long, which others need not wait for. One thread for each clock."""
        while (claimed := self._slow.get()) is not None:
            self._prepare(claimed, clock)

    def _count(self, change: int) -> None:
        with self._lock:
            self._num_waiting += change

    def _takes_long(self, held: Held) -> bool:
        return self._work.takes_long(held.job) or is_large(held.job.request)

    def _prepare(self, claimed: _Claimed, clock: StepClock) -> None:
        held = claimed.held
        try:
            if self._holdings.get(held.id) is held:  # else it was cancelled, or has expired, while it waited
                self._begin(held, clock=clock, alone=claimed.alone)
        except CaravanError as exc:
            self._publisher.fail(held, exc)
        except Exception:
            log.exception("job could not be prepared", **held.named)
            self._publisher.fail(held, EngineFailure("The job could not be prepared; the worker's log has the cause."))
        finally:
            self._count(-1)

    def _begin(self, held: Held, *, clock: StepClock, alone: bool) -> None:
        if held.job.operation.needs_slot:
            with clock.step():
                self._work.prepare(held)
            self._submit(held, alone=alone)
        else:
            with clock.step():
                held.data = self._work.answer_small(held.job)
            self._publisher.finish(held)

    def _submit(self, held: Held, *, alone: bool) -> None:
        events = (
            self._until_redis_answers(partial(event_stream.read, self._redis, held.id)) if held.job.attempt > 1 else ()
        )
        if not self._work.submit(held, events or (), alone=alone):
            self._publisher.finish(held)
        elif self._holdings.get(held.id) is not held:  # lost meanwhile: that abort found nothing to drop
            self._work.engine.abort(held)


def is_large(request: Any) -> bool:
    """Whether a request has so much text, or so many token ids, that preparing it may take long."""
    size, waiting = 0, [request]
    while waiting and size < LARGE:
        value = waiting.pop()
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, dict):
            size += len(value)
            waiting += value.values()
        elif isinstance(value, list):
            size += len(value)
            waiting += [each for each in value[:LARGE] if not isinstance(each, int)]
    return size >= LARGE
