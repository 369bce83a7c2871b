"""One worker: its parts, its threads, how it starts and how it stops."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from functools import partial

from tasks.ledger.connection import UNAVAILABLE, RedisErrors, connect
from tasks.ledger.event_stream import FOLLOWED
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.logs import get_logger
from tasks.models.catalogue import ModelEntry
from tasks.queue.dispatch import Dispatcher
from tasks.queue.heartbeat import Heartbeat
from tasks.queue.patience import PATIENT_SECONDS
from tasks.queue.sweep import Sweeper
from tasks.settings import Settings
from tasks.traces.tracer import Tracer
from tasks.worker import control_channel
from tasks.worker.claimer import Claimer
from tasks.worker.hand_back import hand_back
from tasks.worker.held import Held, Holdings
from tasks.worker.lease_keeper import LeaseKeeper
from tasks.worker.model_runner import ModelRunner
from tasks.worker.pool import Pool
from tasks.worker.preparers import Preparers
from tasks.worker.publisher import Publisher
from tasks.worker.spans import attempt_spans
from tasks.worker.until_redis_answers import UntilRedisAnswers

IDLE_SECONDS = 0.5
UNLEASED_SECONDS = 0.05
PREPARER_STACK_BYTES = 1 << 30
"""Of addresses, not of memory. Where llama.cpp splits text by a regular expression of its C++ library's, that calls
itself for every character: 100,000 equal ones in a row overran a stack of 8 MiB."""
THREAD_FAILED = 70
"""Exit status of a worker that lost a thread, the engine's among them: whoever tends it starts another."""
STUCK = 71
"""Exit status of a worker whose engine ends no step, or which prepares no job, for too long."""

log = get_logger(__name__)


class Worker:
    """A loaded model between Celery and the ledger. `start` and `stop` are called on the hub thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        model: str,
        entry: ModelEntry,
        holder: Holder,
        work: ModelRunner,
        ledger: Ledger,
        dispatcher: Dispatcher,
        sweeper: Sweeper,
        redis_errors: RedisErrors,
        heartbeat: Heartbeat,
        tracer: Tracer | None = None,
    ) -> None:
        self._drain_seconds = settings.drain_seconds
        self._is_patient = False
        self._hurry_at = math.inf
        self._model = model
        self._holder = holder
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._sweeper = sweeper
        self._tracer = tracer
        self._redis = connect(settings.ledger_url, errors=redis_errors)
        self._stopping = threading.Event()
        self._given_up = threading.Event()
        self._room = threading.Event()
        """Set when there may be room for a job that waits in the line."""
        self._threads: dict[str, threading.Thread] = {}
        until_redis_answers = UntilRedisAnswers(self._given_up)

        self._holdings = Holdings()
        self._work, self._engine = work, work.engine
        self._publisher = Publisher(
            holder=holder,
            leases=ledger.leases,
            holdings=self._holdings,
            until_redis_answers=until_redis_answers,
            piece=work.vocabulary.piece,
            name=lambda token: work.vocabulary.detokenize([token]),
            on_lost=self._lose,
            on_written=lambda held: self._trace(held, written=True),
            on_ended=self._settle_ended,
        )
        self._preparers = Preparers(
            client=self._redis,
            work=work,
            holdings=self._holdings,
            publisher=self._publisher,
            until_redis_answers=until_redis_answers,
        )
        self._claimer = Claimer(
            holder=holder,
            model=model,
            ledger=ledger,
            work=work,
            holdings=self._holdings,
            preparers=self._preparers,
            until_redis_answers=until_redis_answers,
            on_claimed=lambda job_id: self.pool.started(job_id),
            on_refused=self._refused,
        )
        self.pool = Pool(claim=self._claimer.claim, cancel=self._claimer.cancel)
        self._lease_keeper = LeaseKeeper(
            holder=holder,
            model=model,
            entry=entry,
            ledger=ledger,
            context=work.context,
            processor=work.processor,
            measures=work.vocabulary.measures,
            figures=self._engine.figures,
            holdings=self._holdings,
            lease_seconds=settings.lease_seconds,
            clocks=(*self._engine.clocks, self._preparers.clock, *self._preparers.slow_clocks),
            stuck_seconds=settings.stuck_seconds,
            redis_errors=redis_errors,
            heartbeat=heartbeat,
            on_reported=self._room.set,
            on_lost=self._lose,
            on_stuck=_end_stuck,
        )

    def start(self) -> None:
        """Start the threads; the hub is attached already."""
        self._spawn("engine", self._decode)
        self._spawn("publisher", self._publisher.run)
        self._spawn("intake", self._claimer.run)
        self._spawn("preparer", self._preparers.run, stack_bytes=PREPARER_STACK_BYTES)
        for number, clock in enumerate(self._preparers.slow_clocks):
            run = partial(self._preparers.run_slow, clock)
            self._spawn(f"slow-preparer-{number}", run, stack_bytes=PREPARER_STACK_BYTES)
        self._spawn("keeper", lambda: self._lease_keeper.run(self._stopping))
        self._spawn("dispatch", self._dispatch)
        self._spawn("sweeper", lambda: self._sweeper.run(self._stopping))
        self._spawn("bell", lambda: control_channel.listen(self._redis, self._model, self._on_ring, self._stopping))

    def be_patient(self) -> None:
        """Let the stop wait for jobs that no other worker can continue."""
        self._is_patient = True

    def hurry(self) -> None:
        """End that patience: from now on it waits as long as any stop."""
        self._hurry_at = min(self._hurry_at, time.monotonic() + self._drain_seconds)

    def stop(self) -> None:
        """Drain: finish what ends within the drain time, and give the rest back to the line."""
        seconds = max(self._drain_seconds, PATIENT_SECONDS) if self._is_patient else self._drain_seconds
        deadline = time.monotonic() + seconds
        log.info("draining", jobs=len(self._holdings), seconds=seconds)
        self._claimer.stop()
        self._join("intake")
        self._preparers.stop()
        while len(self._holdings) and time.monotonic() < min(deadline, self._hurry_at):
            self.pool.pump()
            time.sleep(0.01)
        self._stopping.set()
        self._join("engine")
        self._given_up.set()
        self._publisher.stop()
        self._join("publisher")
        self._give_back()
        self.pool.pump()

    def _decode(self) -> None:
        """The engine thread. Without leases it stands still: when Redis is back, what nobody took meanwhile goes on."""
        while not self._stopping.is_set():
            if not self._lease_keeper.leased:
                self._stopping.wait(UNLEASED_SECONDS)
            elif self._engine.wait(IDLE_SECONDS):
                self._work.step(self._publisher)

    def _dispatch(self) -> None:
        """The dispatch thread: leases and streams must not wait for a broker that hangs."""
        while not self._stopping.is_set():
            if self._room.wait(IDLE_SECONDS):
                self._room.clear()
                try:
                    self._dispatcher.dispatch(self._model)
                except UNAVAILABLE as exc:
                    log.warning("dispatch put off", error=str(exc))

    def _lose(self, held: Held, status: str) -> None:
        """A job is not ours any more: cancelled, expired, given back, or claimed by another worker."""
        if self._holdings.drop(held):
            log.info("job lost", **held.named, status=status)
            self._trace(held)
            held.ready = None  # a grammar need not wait for Python's collector
            self._engine.abort(held)
            self.pool.settle(held.id, status)
            self._room.set()

    def _refused(self, job_id: str, status: str) -> None:
        """A message's job was not to be had: there is room for another."""
        self.pool.settle(job_id, status)
        self._room.set()

    def _settle_ended(self, held: Held, status: str, detail: str) -> None:
        if self._holdings.drop(held):
            self._engine.abort(held)
            seconds = time.monotonic() - held.claimed_at
            if held.job.operation.needs_slot and status == "succeeded":
                self._lease_keeper.job_ended(seconds)
            self.pool.settle(held.id, status, detail, seconds)
            self._room.set()

    def _on_ring(self, told: str) -> None:
        held = self._holdings.get(told.removeprefix(FOLLOWED))
        if held and told.startswith(FOLLOWED):
            self._publisher.follow(held)
        elif held:
            self._lease_keeper.check()

    def _give_back(self) -> None:
        held = self._holdings.all()
        unclaimed = self.pool.in_hand - {each.id for each in held}
        try:
            verdicts = {each.id: hand_back(self._ledger.leases, self._holder, each, "drained") for each in held}
            log.info("jobs given back", jobs=list(verdicts.values()).count("ok"), unclaimed=len(unclaimed))
            self._ledger.line.unpublish(self._model, unclaimed)
            self._ledger.workers.retire(self._model, self._holder.worker)
            self._dispatcher.dispatch(self._model)
        except UNAVAILABLE as exc:
            log.warning("jobs not given back; their leases will run out", jobs=len(held), error=str(exc))
        for each in held:
            self._trace(each)
            self.pool.settle(each.id, "queued")

    def _trace(self, held: Held, *, written: bool = False) -> None:
        """Tell what was done for a job under its claim, which is over."""
        if self._tracer is not None and held.job.trace:
            self._tracer.emit(attempt_spans(held, time.monotonic(), written=written))

    def _spawn(self, name: str, target: Callable[[], None], *, stack_bytes: int = 0) -> None:
        """Run a thread. A worker that has lost one is of no use: it ends at once, and its jobs go on elsewhere."""

        def guarded() -> None:
            try:
                target()
            except BaseException:
                log.exception("a thread failed; the worker ends", thread=name)
                os._exit(THREAD_FAILED)

        self._threads[name] = threading.Thread(target=guarded, name=name, daemon=True)
        before = threading.stack_size(stack_bytes)
        self._threads[name].start()
        threading.stack_size(before)

    def _join(self, name: str, timeout_seconds: float = 5.0) -> None:
        self._threads[name].join(timeout_seconds)


def _end_stuck() -> None:
    log.error("a step, or the preparation of a job, does not come to its end; the worker ends")
    os._exit(STUCK)
