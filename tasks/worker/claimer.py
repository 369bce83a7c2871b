"""From a message to the engine: claim the job, prepare it, take up what was generated before."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from queue import SimpleQueue

import redis

from tasks.engine.step_clock import StepClock
from tasks.errors import CaravanError, EngineFailure
from tasks.ledger import event_stream
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.logs import get_logger
from tasks.worker.held import Held, Holdings
from tasks.worker.model_runner import ModelRunner
from tasks.worker.publisher import Publisher
from tasks.worker.until_redis_answers import UntilRedisAnswers

PAUSE_SECONDS = 0.05
SLOW_THREADS = 2
"""Threads that prepare the jobs with a grammar: compiling one may take a second."""

log = get_logger(__name__)


class Claimer:
    """Works through the ids of received messages, in order.

    Args:
        on_claimed: called with the id of a job that is ours now.
        on_refused: called with the id of a job that was not given to us, and its status.
    """

    def __init__(
        self,
        *,
        holder: Holder,
        model: str,
        client: redis.Redis,
        ledger: Ledger,
        work: ModelRunner,
        holdings: Holdings,
        publisher: Publisher,
        until_redis_answers: UntilRedisAnswers,
        on_claimed: Callable[[str], None],
        on_refused: Callable[[str, str], None],
    ) -> None:
        self._holder = holder
        self._model = model
        self._redis = client
        self._ledger = ledger
        self._work = work
        self._holdings = holdings
        self._publisher = publisher
        self._until_redis_answers = until_redis_answers
        self._on_claimed = on_claimed
        self._on_refused = on_refused
        self._stopped = False
        self.clock = StepClock()
        """Of preparing jobs: a tokenizer that never returns is as bad as an engine that does not."""
        self.slow_clocks = tuple(StepClock() for _ in range(SLOW_THREADS))
        self._inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._slow: SimpleQueue[Held | None] = SimpleQueue()

    def claim(self, job_id: str) -> None:
        """Any thread: claim a job when its turn comes."""
        self._inbox.put(lambda: self._claim(job_id))

    def cancel(self, job_id: str) -> None:
        """Any thread: cancel a job that was revoked through Celery."""
        self._inbox.put(lambda: self._cancel(job_id))

    def stop(self) -> None:
        """Any thread: claim no more. What is not acknowledged, the broker hands to another worker."""
        self._stopped = True
        self._inbox.put(None)
        for _ in self.slow_clocks:
            self._slow.put(None)

    def run(self) -> None:
        """Until `stop`."""
        while (work := self._inbox.get()) is not None and not self._stopped:
            work()

    def run_slow(self, clock: StepClock) -> None:
        """Until `stop`: prepare the jobs that take long, which others need not wait for. One thread for each clock."""
        while (held := self._slow.get()) is not None:
            if self._holdings.get(held.id) is held:
                self._begin(held, clock=clock)

    def _cancel(self, job_id: str) -> None:
        self._until_redis_answers(lambda: self._ledger.admission.cancel(job_id))

    def _claim(self, job_id: str) -> None:
        call, slots = uuid.uuid4().hex, self._work.num_slots
        free, obtainable = slots - self._holdings.num_open, slots - self._holdings.num_open_urgent
        claim = self._until_redis_answers(
            lambda: self._ledger.leases.claim(
                job_id, self._holder, model=self._model, free_slots=free, obtainable_slots=obtainable, call=call
            )
        )
        if claim is None:
            return
        if claim.job is None:
            log.info("message dropped", job_id=job_id, status=claim.status)
            self._on_refused(job_id, claim.status)
            return
        held = Held(claim.job)
        self._holdings.add(held)
        self._on_claimed(job_id)
        log.info("job claimed", **held.named, attempt=held.job.attempt)
        if held.job.suspect:
            self._try_alone(held)
        elif self._work.takes_long(held.job):
            self._slow.put(held)
        else:
            self._begin(held, clock=self.clock)

    def _try_alone(self, held: Held) -> None:
        """Begin a job that workers may have died of, with nothing beside it until it has a token, or has ended.

        If this worker dies meanwhile, the ledger knows by which job. No other is claimed until it is over.
        """
        log.warning("a job is tried alone", **held.named, crashes=held.job.crashes)
        self._until_redis_answers(lambda: self._ledger.workers.begin_trial(self._holder.worker, held.id))
        self._begin(held, clock=self.clock, alone=True)
        while self._holdings.get(held.id) is held and not self._stopped:
            if held.proven.wait(PAUSE_SECONDS):
                break
        self._until_redis_answers(lambda: self._ledger.workers.end_trial(self._holder.worker))

    def _begin(self, held: Held, *, clock: StepClock, alone: bool = False) -> None:
        try:
            if held.job.operation.needs_slot:
                with clock.step():
                    self._work.prepare(held)
                self._submit(held, alone=alone)
            else:
                with clock.step():
                    held.data = self._work.answer_small(held.job)
                self._publisher.finish(held)
        except CaravanError as exc:
            self._publisher.fail(held, exc)
        except Exception:
            log.exception("job could not be prepared", **held.named)
            self._publisher.fail(held, EngineFailure("The job could not be prepared; the worker's log has the cause."))

    def _submit(self, held: Held, *, alone: bool) -> None:
        events = (
            self._until_redis_answers(lambda: event_stream.read(self._redis, held.id)) if held.job.attempt > 1 else None
        )
        if not self._work.submit(held, events or (), alone=alone):
            self._publisher.finish(held)
        elif self._holdings.get(held.id) is not held:  # lost meanwhile: that abort found nothing to drop
            self._work.engine.abort(held)
