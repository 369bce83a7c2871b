"""What the front asks of the queue: accept a job, change its place, cancel one, run one again; pause and drain."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import redis

from tasks.errors import CaravanError, JobConflict, JobNotFound, ModelUnavailable, QueueFull, RateLimited
from tasks.ledger.admission import Admission, Broken, Busy, Draining, Full, Idempotency, Kept, Refusal, Submission
from tasks.ledger.connection import UNAVAILABLE, as_broker_errors, refusals_as_absence
from tasks.ledger.line import TAKEN_AT_ONCE
from tasks.ledger.standing import Standing
from tasks.ledger.wants import Wants
from tasks.logs import get_logger
from tasks.queue.dispatch import Dispatcher
from tasks.records.job import LEAST_KEPT_SECONDS, Job, JobStatus, Priority, QueueState

DRAINING_RETRY_SECONDS = 30
BROKEN_RETRY_SECONDS = 30
"""Its workers try again after a minute at most, unless its file is at fault: then as soon as that is another."""
MOST_RETRY_SECONDS = 300
MOST_AT_ONCE = 1000
"""Jobs that one call cancels or moves: Redis does them one after the other, and others in between."""
WANT_AGAIN = 0.1
"""The part of a model's keep-alive after which a job makes it wanted anew."""

log = get_logger(__name__)


class Taken(NamedTuple):
    """A job that was accepted, now or before."""

    id: str
    job: Job | None
    """As it was accepted; None if that was before."""
    standing: Standing | None


class QueueService:
    """Accepts and cancels jobs. Methods raise `BrokerUnavailable` while Redis is away."""

    def __init__(
        self,
        admission: Admission,
        wants: Wants,
        dispatcher: Dispatcher,
        *,
        longest_queue: int,
        keep_alive: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        """`keep_alive`: seconds for which a model stays wanted after a job came for it; 0 for one that is not there."""
        self._admission = admission
        self._wants = wants
        self._dispatcher = dispatcher
        self._longest_queue = longest_queue
        self._keep_alive = keep_alive
        self._wanted_at: dict[str, float] = {}

    def submit(
        self,
        job: Job,
        *,
        idempotency: Idempotency | None = None,
        most_in_flight: int | None = None,
        stands: bool = False,
    ) -> Taken:
        """Record a job and send it on its way; or the earlier one with the same key and body.

        `stands` asks where it stands as well.

        Raises:
            QueueFull: the model's queue is as long as it may be.
            ModelUnavailable: the model's queue is being drained, or no worker has ever been able to serve the model.
            RateLimited: the owner has so many jobs that have not ended already, or ended ones of so many bytes.
            JobConflict: the key was used with another body.
        """
        with as_broker_errors():
            accepted = self._admission.accept(
                job,
                take=self._dispatcher.taking(job.model),
                stands=stands,
                longest_queue=self._longest_queue,
                idempotency=idempotency,
                most_in_flight=most_in_flight,
            )
        self._publish(job.model, accepted.taken)
        submission = self._submission(job, accepted.reply)
        if submission.verdict == "accepted":
            log.info("job accepted", job_id=job.id, model=job.model, operation=job.operation.value)
            self._want(job.model)
        if submission.verdict == "answered":
            log.info("job answered from the cache", job_id=job.id, model=job.model, operation=job.operation.value)
        return Taken(submission.job_id, accepted.job, accepted.standing)

    def submit_many(
        self, asked: Sequence[tuple[Job, Idempotency | None]], *, most_in_flight: int | None = None
    ) -> list[str | CaravanError]:
        """Record jobs and send them on their way: of each its id, or the earlier one's; or the error of `submit`."""
        models = list(dict.fromkeys(job.model for job, _ in asked))
        with as_broker_errors():
            replies, taken = self._admission.accept_many(
                asked,
                takes={model: self._dispatcher.taking(model) for model in models},
                longest_queue=self._longest_queue,
                most_in_flight=most_in_flight,
            )
        for model in models:
            self._publish(model, taken[model])
        verdicts: list[str | CaravanError] = []
        num_accepted = dict.fromkeys(models, 0)
        for (job, _), reply in zip(asked, replies, strict=True):
            try:
                submission = self._submission(job, reply)
            except CaravanError as exc:
                verdicts.append(exc)
                continue
            verdicts.append(submission.job_id)
            num_accepted[job.model] += submission.verdict == "accepted"
        for model, number in num_accepted.items():
            if number:
                log.info("jobs accepted", model=model, count=number)
                self._want(model)
        return verdicts

    def _submission(self, job: Job, reply: Submission | Refusal | redis.RedisError) -> Submission:
        """What became of a job that is in the ledger. Raises the errors of `submit`, and BrokerUnavailable."""
        if isinstance(reply, redis.RedisError):
            with as_broker_errors(), refusals_as_absence():
                raise reply
        if not isinstance(reply, Submission):
            raise _refused(job.model, reply)
        if reply.verdict == "reused":
            raise JobConflict(
                "This Idempotency-Key was used with another body. Send a new key, or the same body.",
                param="Idempotency-Key",
                code="idempotency_key_reused",
            )
        return reply

    def cancel(self, job_id: str, *, owner: str) -> None:
        """Cancel a job that has not ended.

        Raises:
            JobNotFound: there is no such job of this owner.
            JobConflict: it had ended already.
        """
        with as_broker_errors():
            reply = self._admission.cancel(job_id, owner=owner)
        if reply is None:
            raise _unknown(job_id)
        if isinstance(reply, JobStatus):
            raise JobConflict(f"Job '{job_id}' has already ended: it is {reply}.")
        log.info("job cancelled", job_id=job_id, model=reply.model, before=reply.before.value)
        if reply.before is JobStatus.RUNNING or reply.num_workers:
            # Its message goes out all the same: the worker drops it as revoked, so that Flower lists what became of it.
            # The one that ran it may have died a moment ago, and will announce nothing.
            self._dispatcher.publish(job_id, reply.model)

    def forget(self, job_id: str, *, owner: str) -> None:
        """Remove a job and all that it left. One that has not ended is cancelled first; one that is gone is gone."""
        with as_broker_errors():
            before = self._admission.forget(job_id, owner=owner)
        log.info("job forgotten", job_id=job_id, before=before.value if before else "unknown")

    def forget_many(self, job_ids: Sequence[str], *, owner: str = "") -> int:
        """Remove jobs, of one owner or of any, and all that they left; how many there were."""
        with as_broker_errors():
            num_gone = self._admission.forget_many(job_ids, owner=owner)
        log.info("jobs forgotten", count=num_gone)
        return num_gone

    def reprioritise(self, job: Job, priority: Priority) -> None:
        """Give a job that waits another priority.

        Raises:
            JobNotFound: it is not there any more.
            JobConflict: it does not wait.
        """
        with as_broker_errors():
            reply = self._admission.reprioritise(job.id, priority, owner=job.owner)
        if reply is None:
            raise _unknown(job.id)
        if reply != "changed":
            raise JobConflict(
                f"Job '{job.id}' is {reply}, and only a queued job's priority can change.", code="job_not_queued"
            )
        log.info("job reprioritised", job_id=job.id, priority=priority.value)

    def load(self, model: str) -> None:
        """Have a model loaded, and kept for as long as one that a job came for. Whoever starts workers looks for it."""
        with as_broker_errors():
            self._wants.load(model, self._keep_alive(model))

    def unload(self, model: str) -> None:
        """Have a model's workers stop, until a job comes for it. Whoever starts workers looks for it."""
        with as_broker_errors():
            self._wants.unload(model)
        self._wanted_at.pop(model, None)
        log.warning("model unloaded", model=model)

    def announce_reload(self) -> None:
        """Have all processes read their models files again; they hear of it within a second or two."""
        with as_broker_errors():
            self._wants.announce_reload()

    def set_queue_state(self, model: str, state: QueueState) -> None:
        """Pause, drain or open a model's queue."""
        with as_broker_errors():
            self._admission.set_queue_state(model, state)
        log.warning("queue set", model=model, state=state.value)
        if state is QueueState.OPEN:
            self._publish(model)

    def cancel_waiting(self, model: str) -> int:
        """Cancel the jobs of a model that wait, the `MOST_AT_ONCE` oldest; how many they were."""
        with as_broker_errors():
            num_cancelled = self._admission.cancel_many(self._admission.waiting(model, MOST_AT_ONCE))
        log.warning("queue cancelled", model=model, jobs=num_cancelled)
        return num_cancelled

    def move_waiting(self, model: str, to: str) -> int:
        """Give the jobs of a model that wait to another one, the `MOST_AT_ONCE` oldest; how many they were."""
        with as_broker_errors():
            num_moved = self._admission.move(self._admission.waiting(model, MOST_AT_ONCE), to)
        log.warning("queue moved", model=model, to=to, jobs=num_moved)
        self._want(to)
        self._publish(to)
        return num_moved

    def retry(
        self,
        job: Job,
        *,
        most_in_flight: int | None = None,
        most_result_bytes: int | None = None,
        metered: str = "",
        trace: str = "",
    ) -> None:
        """Run a job again from its beginning, which failed, expired or was cancelled.

        Args:
            metered: what was counted of its key's minute for this.
            trace: its place in a trace, if it has one.

        Raises:
            JobNotFound: it is not there any more.
            JobConflict: it has not ended, or it succeeded.
            QueueFull: the model's queue is as long as it may be.
            ModelUnavailable: its queue is being drained, or no worker has ever been able to serve the model.
            RateLimited: its owner has so many jobs that have not ended already, or its jobs take too much of Redis.
        """
        with as_broker_errors():
            reply = self._admission.retry(
                job.id,
                owner=job.owner,
                longest_queue=self._longest_queue,
                most_in_flight=most_in_flight,
                most_result_bytes=most_result_bytes,
                metered=metered,
                trace=trace,
            )
        if reply is None:
            raise _unknown(job.id)
        if isinstance(reply, JobStatus):
            raise JobConflict(
                f"Job '{job.id}' is {reply}. Only a failed, expired or cancelled job can be retried.",
                code="job_not_failed",
            )
        if reply != "retried":
            raise _refused(job.model, reply)
        log.info("job retried", job_id=job.id, model=job.model)
        self._want(job.model)
        self._publish(job.model)

    def _want(self, model: str) -> None:
        """Keep a model awake between jobs that come and end too quickly to be seen; said once in a tenth of the time.

        While a job has not ended it is in `pend:{model}`, which is looked at as well: a want that gets lost costs a
        cold start, and no job.
        """
        seconds, now = self._keep_alive(model), time.monotonic()
        if not seconds or now < self._wanted_at.get(model, -math.inf) + seconds * WANT_AGAIN:
            return
        try:
            self._wants.want(model, seconds)
            self._wanted_at[model] = now
        except redis.RedisError as exc:  # the job is accepted already
            log.warning("want not written", model=model, error=str(exc))

    def _publish(self, model: str, job_ids: Sequence[str] | None = None) -> None:
        """Publish what was taken from the line, or else what can be taken; and what more can, if that was much."""
        try:
            if job_ids is None:
                self._dispatcher.dispatch(model)
            elif self._dispatcher.publish_all(job_ids, model) == TAKEN_AT_ONCE:
                self._dispatcher.dispatch_all(model)
        except UNAVAILABLE as exc:  # accepted already: the next sweep publishes it
            log.warning("dispatch put off", model=model, error=str(exc))


def _unknown(job_id: str) -> JobNotFound:
    return JobNotFound(f"There is no job '{job_id}'.")


def _refused(model: str, refusal: Refusal) -> CaravanError:
    match refusal:
        case Draining():
            message = f"The queue of '{model}' is being drained: it accepts no new jobs."
            return ModelUnavailable(message, code="queue_draining", retry_after_seconds=DRAINING_RETRY_SECONDS)
        case Broken(reason):
            message = f"The model '{model}' cannot be served. {reason}"
            return ModelUnavailable(message, retry_after_seconds=BROKEN_RETRY_SECONDS)
        case Busy(num_jobs):
            return RateLimited(
                f"{num_jobs} jobs of this owner have not ended, which is its limit (jobs_in_flight). "
                "Wait for one to end, or cancel it."
            )
        case Kept(found, most, seconds):
            return RateLimited(
                f"The jobs of this owner take {found} bytes of Redis, those that have ended as well, and {most} is its "
                "limit (result_bytes). Delete jobs (POST /jobs/delete), or wait: the oldest results that nobody waits "
                f"for are removed {LEAST_KEPT_SECONDS // 60} minutes after their jobs' ends.",
                retry_after_seconds=None if seconds is None else min(math.ceil(seconds) + 1, MOST_RETRY_SECONDS),
            )
        case Full():
            return _queue_full(model, refusal)


def _queue_full(model: str, full: Full) -> QueueFull:
    """Come again when a hundredth of the queue has ended: sooner it is likely to be full again, for all who wait."""
    message = f"The queue of '{model}' holds {full.depth} jobs, which is its limit. Try again later."
    if full.seconds_a_job is None:
        return QueueFull(message)
    seconds = math.ceil(full.seconds_a_job * max(1, full.depth // 100))
    return QueueFull(message, retry_after_seconds=min(seconds, MOST_RETRY_SECONDS))
