"""The worker's side of Celery: which messages are in hand, and how each is settled. Runs on the hub thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from billiard.einfo import ExceptionInfo
from celery.worker import state

from tasks.logs import get_logger

ENDED = frozenset({"succeeded", "failed", "cancelled", "expired"})

log = get_logger(__name__)


class JobFailed(Exception):
    """Raised for Celery's sake, so that Flower shows a failed job as FAILURE with its message."""


class Pool:
    """Stands where Celery expects a pool: takes requests, and settles them when told how their jobs ended.

    `claim` and `cancel` are called with a job id on the hub thread and must not block.
    """

    def __init__(self, *, claim: Callable[[str], None], cancel: Callable[[str], None]) -> None:
        self._claim = claim
        self._cancel = cancel
        self._requests: dict[str, Any] = {}
        self._put_aside: dict[str, Any] = {}
        """Second messages of jobs in hand."""
        self._posted: SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]]] = SimpleQueue()
        self._hub: Any = None

    # -- what Celery calls

    def apply_async(self, target: Any, args: Any, *, callback: Any, **_: Any) -> None:
        """Take a message in hand. `callback` is the request's bound ``on_success``."""
        request = callback.__self__
        earlier = self._requests.get(request.id)
        if earlier is None:
            self._requests[request.id] = request
            self._claim(request.id)
        elif earlier._message.channel is request._message.channel:
            self._keep_duplicate(request, earlier)
        else:
            self._adopt(request, earlier)

    def revoked(self, job_id: str) -> None:
        """Somebody revoked the message through Celery: the job must not run either."""
        self._requests.pop(job_id, None)
        self._drop_duplicate(job_id)
        self._cancel(job_id)

    @property
    def in_hand(self) -> set[str]:
        """The ids of jobs whose messages are not settled."""
        return set(self._requests)

    # -- what the other threads call

    def attach(self, hub: Any) -> None:
        """Take the event loop that wakes the hub thread; kept, since Celery forgets it when it reconnects."""
        self._hub = hub

    def post(self, function: Callable[..., None], *args: Any) -> None:
        """Run a function on the hub thread, soon."""
        self._posted.put((function, args))
        if self._hub is not None:
            self._hub.call_soon(self.pump)

    def started(self, job_id: str) -> None:
        """Any thread: a job was claimed."""
        self.post(self._on_started, job_id, time.monotonic())

    def settle(self, job_id: str, status: str, detail: str = "", runtime_seconds: float = 0.0) -> None:
        """Any thread: the ledger says how a job stands; acknowledge its message and announce its end.

        Args:
            status: succeeded, failed, cancelled or expired; with any other the message is acknowledged in silence.
            detail: for Flower; an error's message or a few words on the result.
        """
        self.post(self._on_settled, job_id, status, detail, runtime_seconds)

    def pump(self) -> None:
        """Hub thread: run what was posted."""
        while True:
            try:
                function, args = self._posted.get_nowait()
            except Empty:
                return
            try:
                function(*args)
            except Exception:
                log.exception("a message could not be settled")

    # -- on the hub thread

    def _on_started(self, job_id: str, at: float) -> None:
        if request := self._requests.get(job_id):
            request.on_accepted(os.getpid(), at)

    def _on_settled(self, job_id: str, status: str, detail: str, runtime_seconds: float) -> None:
        if request := self._requests.pop(job_id, None):
            self._announce(request, status, detail, runtime_seconds)
        if status in ENDED:
            self._drop_duplicate(job_id)
        elif again := self._put_aside.pop(job_id, None):  # it was given back, and published again before we heard of it
            self._requests[job_id] = again
            state.task_reserved(again)
            self._claim(job_id)

    def _announce(self, request: Any, status: str, detail: str, runtime_seconds: float) -> None:
        if status == "succeeded":
            request.on_success((False, detail, runtime_seconds))
        elif status == "failed":
            request.on_failure(_exception_info(detail), return_ok=True)
        elif status in ENDED:
            request.announce_end(status, expired=status == "expired")
        elif status == "unknown" and request.time_start:  # it was ours, and has been deleted
            request.announce_end("cancelled", expired=False)
        else:
            state.task_ready(request)
            request.acknowledge()

    def _keep_duplicate(self, request: Any, earlier: Any) -> None:
        """A job's second message over one connection: the first still has to be settled."""
        self._drop_duplicate(request.id)
        self._put_aside[request.id] = request
        state.task_reserved(earlier)

    def _drop_duplicate(self, job_id: str) -> None:
        if request := self._put_aside.pop(job_id, None):
            state.task_ready(request)
            request.acknowledge()

    def _adopt(self, request: Any, earlier: Any) -> None:
        """The broker delivered again after a reconnect: only the new delivery can be acknowledged."""
        self._requests[request.id] = request
        if aside := self._put_aside.pop(request.id, None):
            state.task_ready(aside)
        state.task_ready(earlier)
        state.task_reserved(request)
        if earlier.time_start:
            request.on_accepted(os.getpid(), time.monotonic())


def _exception_info(message: str) -> ExceptionInfo:
    try:
        raise JobFailed(message)
    except JobFailed:
        return ExceptionInfo()
