"""How Celery hands a message over: its stock strategy and request, with our runner in the place of the pool.

So revoke, expiry, events and Flower stay Celery's own; nothing is announced by hand.
"""

from __future__ import annotations

from typing import Any

from celery import Task
from celery.worker.request import Request
from celery.worker.strategy import default as default_strategy

from tasks.logs import get_logger
from tasks.queue import task_names
from tasks.worker.pool import Pool

log = get_logger(__name__)


class JobRequest(Request):
    """A received message. All methods run on the hub thread."""

    acknowledged: bool

    def acknowledge(self) -> None:
        """Acknowledge at once. The stock method posts to the hub and waits for its next turn, up to a second."""
        if not self.acknowledged:
            self.acknowledged = True
            try:
                self._message.ack_log_error(log, self._connection_errors)
            except Exception as exc:  # its channel is gone: the broker may deliver it again, and the claim is refused
                log.warning("message not acknowledged", job_id=self.id, error=str(exc))

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """``control.revoke(id, terminate=True)``: the job is cancelled wherever it is."""
        self._announce_revoked("terminated", True, str(signal or "SIGTERM"), False)

    def cancel(self, pool: Any, signal: Any = None, emit_retry: bool = True) -> None:
        """Celery stops in haste. The job is given back by the ledger, so there is nothing to announce."""

    def announce_end(self, reason: str, *, expired: bool) -> None:
        """Tell Flower of a job that was cancelled or has expired in the ledger."""
        super()._announce_revoked(reason, False, None, expired)

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        """Celery's own doing: somebody revoked the message, so the job must not run either."""
        super()._announce_revoked(reason, terminated, signum, expired)
        self.task.pool.revoked(self.id)


class _ConsumerWithRunner:
    """The consumer as `default_strategy` sees it: with our runner for a pool."""

    def __init__(self, consumer: Any, pool: Pool) -> None:
        self._consumer = consumer
        self.pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


class RunJob(Task):
    """The task that runs a job. It is never called as a function: the engine does the work."""

    name = task_names.RUN_JOB
    Request = JobRequest
    ignore_result = True
    acks_late = True

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def Strategy(self, task: Task, app: Any, consumer: Any) -> Any:  # noqa: N802 - Celery's name
        handle = default_strategy(task, app, _ConsumerWithRunner(consumer, self.pool))

        def handle_sane(message: Any, *args: Any, **kwargs: Any) -> Any:
            """Celery's strategy ends the worker over an id that is no text; the message would come again for ever."""
            if isinstance(message.headers.get("id"), str):
                return handle(message, *args, **kwargs)
            log.warning("message without a job id dropped")
            return message.ack_log_error(log, consumer.connection_errors)

        return handle_sane

    def run(self, job_id: str) -> None:
        raise NotImplementedError("jobs run in the engine")
