"""A clerk's work on one batch, from the claim until the batch has ended or is put back into the line."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from tasks.batches.batch import Batch, BatchStatus, Checkpoint
from tasks.batches.closing import Closing
from tasks.batches.feeder import REACH, Feeder
from tasks.batches.hold import BatchContext, Hold, PutBack
from tasks.batches.output_lines import CANCELLED, EXPIRED
from tasks.batches.rows import lines, rows
from tasks.batches.speed import Pace
from tasks.batches.validation import Verdict, validate
from tasks.batches.writer import Lost, OutputWriter
from tasks.errors import RecordTooNew
from tasks.ledger.connection import UNAVAILABLE
from tasks.ledger.until_answered import until_answered
from tasks.logs import get_logger

COMMIT_SECONDS = 0.25
TELL_SECONDS = 1.0
MANY_ROWS = 256
"""So many that have moved are committed at once."""
LOOK_SECONDS = 0.02
IDLE_LOOK_SECONDS = 0.2
STALLED_SECONDS = 5.0
LEFT_SECONDS = 5.0
"""Until a batch that this clerk cannot read is looked at again."""

T = TypeVar("T")

log = get_logger(__name__)


class _Closes(Exception):
    """Raised when no more of the batch is to be run."""


class BatchRun:
    """Validates, runs, collects and ends one batch. All that it knows beyond Redis and the files can be lost."""

    def __init__(self, context: BatchContext, batch: Batch) -> None:
        self._context = context
        self._writer = OutputWriter(context.store, context.files.folder, batch)
        self._hold = Hold(context)

    @property
    def _batch(self) -> Batch:
        return self._writer.batch

    def run(self) -> None:
        """Work until the batch has ended, is lost, or others are to have their turn."""
        log.info("batch begun", batch_id=self._batch.id, status=self._batch.status.value, fence=self._batch.fence)
        try:
            self._work()
            log.info("batch ended", batch_id=self._batch.id, status=self._batch.status.value)
        except Lost:
            log.warning("batch lost", batch_id=self._batch.id, fence=self._batch.fence)
        except PutBack:
            self._put_back()
        except RecordTooNew:  # for a newer clerk
            self._put_back(seconds=LEFT_SECONDS)
        except UNAVAILABLE as exc:
            log.warning("batch left as it is; it is taken up again", batch_id=self._batch.id, error=str(exc))
        except OSError as exc:
            self._stall(exc)
        finally:
            self._writer.close()

    def _work(self) -> None:
        if self._batch.status is BatchStatus.VALIDATING:
            self._validate()
        if self._batch.status is BatchStatus.FAILED:
            return
        if self._batch.status is BatchStatus.CANCELLING and not self._batch.total:
            self._end(BatchStatus.CANCELLED)
            return
        try:
            self._until_redis_answers(self._forget_behind)
            self._run()
            self._end(BatchStatus.COMPLETED)
        except _Closes:
            self._close()

    def _validate(self) -> None:
        """Judge the input: the batch goes on, or has failed."""
        try:
            verdict = self._judge()
        except _Closes:
            self._end(BatchStatus.CANCELLED)
            return
        failed = bool(verdict.num_faults)
        fields = {"errors": json.dumps(verdict.errors)} if failed else {"total": str(verdict.total)}
        self._until_redis_answers(
            lambda: self._writer.move(BatchStatus.FAILED if failed else BatchStatus.IN_PROGRESS, fields)
        )
        if self._batch.status is BatchStatus.IN_PROGRESS:
            self._writer.batch = replace(self._batch, total=verdict.total)

    def _judge(self) -> Verdict:
        context, batch, last = self._context, self._batch, Verdict()
        file = self._until_redis_answers(lambda: context.files.get(batch.input_file_id))
        if file is None:
            raise FileNotFoundError(f"the input {batch.input_file_id} is gone")
        read = lines(context.files, file, Checkpoint(), longest=context.longest)
        models = context.endpoints.models(batch.limits)
        for verdict in validate(read, endpoint=batch.endpoint, longest=context.longest, models=models):
            last, control = verdict, self._hold.beat(self._batch)
            if control and control.status is BatchStatus.CANCELLING:
                raise _Closes
        return last

    def _run(self) -> None:
        """Feed and collect until every row has its line."""
        first, before = Checkpoint.decode(self._batch.checkpoint).row, self._batch.counts.done
        read = rows(self._context.files, self._batch, longest=self._context.longest)
        feeder = Feeder(self._batch, read, self._context.ledger, self._context.endpoints, first=first)
        committed_at = reported_at = time.monotonic()
        pace = Pace(reported_at)
        while True:
            control = self._hold.beat(self._batch)
            if control and (control.status is BatchStatus.CANCELLING or control.expired):
                raise _Closes
            paused = bool(control and control.paused)
            moved = self._until_redis_answers(partial(self._step, feeder, paused=paused))
            due = time.monotonic() - committed_at > COMMIT_SECONDS or moved > MANY_ROWS
            if self._writer.dirty and (due or feeder.done):
                self._commit()
                committed_at = time.monotonic()
            if time.monotonic() - reported_at > TELL_SECONDS and self._writer.takes_more:
                reported_at = time.monotonic()
                speed = pace.note(reported_at, feeder.answered)
                self._until_redis_answers(partial(self._writer.tell, speed, before + feeder.answered.done))
            if feeder.done and not self._writer.dirty:
                return
            if paused and not feeder.num_under_way and not self._writer.dirty:
                raise PutBack
            if not self._context.stopping.is_set():
                self._context.stopping.wait(LOOK_SECONDS if moved else IDLE_LOOK_SECONDS)

    def _step(self, feeder: Feeder, *, paused: bool) -> int:
        """Feed, look and write once; how many rows moved."""
        moved = feeder.look()
        if self._writer.takes_more:
            for row, line in feeder.ready():
                self._writer.add(line, row.after)
        return moved + (0 if paused else feeder.feed())

    def _close(self) -> None:
        """End a batch of which no more is to be run."""
        self._commit()
        first = Checkpoint.decode(self._batch.checkpoint).row
        cancelled = self._batch.status is BatchStatus.CANCELLING or self._hold.is_cancelling
        why = CANCELLED if cancelled else EXPIRED
        read = rows(self._context.files, self._batch, longest=self._context.longest)
        closing = Closing(self._batch, read, self._context.ledger, self._context.endpoints, first=first, why=why)
        while stroke := self._until_redis_answers(closing.stroke):
            for row, line in stroke:
                self._writer.add(line, row.after)
            self._commit()
            self._hold.beat(self._batch)
        self._end(BatchStatus.CANCELLED if cancelled else BatchStatus.EXPIRED)

    def _end(self, status: BatchStatus) -> None:
        """Give the batch its last status. One that is cancelled at the very end is cancelled, whole."""
        if status is not BatchStatus.CANCELLED and self._until_redis_answers(
            lambda: self._writer.move(BatchStatus.FINALIZING)
        ):
            self._until_redis_answers(lambda: self._writer.move(status))
            return
        while not self._until_redis_answers(lambda: self._writer.move(BatchStatus.CANCELLED)):
            pass  # it was asked for since the last beat: now it is known

    def _commit(self) -> None:
        """Commit, then remove the jobs of the rows that have been written."""
        before = Checkpoint.decode(self._batch.checkpoint).row
        if self._writer.dirty:
            self._until_redis_answers(self._writer.commit)
        self._until_redis_answers(lambda: self._forget(before, Checkpoint.decode(self._batch.checkpoint).row))

    def _forget_behind(self) -> None:
        """Remove jobs of written rows that an earlier run had no time to remove."""
        row = Checkpoint.decode(self._batch.checkpoint).row
        self._forget(max(0, row - REACH), row)

    def _forget(self, first: int, last: int) -> None:
        self._context.ledger.admission.forget_many(
            (self._batch.job_id(row) for row in range(first, last)), owner=self._batch.owner
        )

    def _until_redis_answers(self, act: Callable[[], T]) -> T:
        return until_answered(act, wait=self._context.stopping.wait)

    def _put_back(self, *, seconds: float = 0.0) -> None:
        try:
            if self._writer.dirty:
                self._writer.commit()
            self._context.store.release(self._batch, seconds=seconds)
        except (Lost, OSError, *UNAVAILABLE) as exc:
            log.warning("batch left as it is; it is taken up again", batch_id=self._batch.id, error=str(exc))

    def _stall(self, exc: OSError) -> None:
        """The disk fails or is full: say so, and come again. Nothing is lost meanwhile: answers are in the ledger."""
        word = "storage_full" if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "storage_failed"
        log.error("batch stalled", batch_id=self._batch.id, code=word, error=str(exc))
        try:
            self._writer.note(word)
            self._context.store.release(self._batch, seconds=STALLED_SECONDS)
        except UNAVAILABLE:
            log.warning("batch left as it is; it is taken up again", batch_id=self._batch.id)
