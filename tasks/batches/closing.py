"""The end of a batch that was cancelled, or whose time is over: what has its answer is kept, the rest is told of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

from tasks.batches.batch import Batch
from tasks.batches.endpoints import Endpoints
from tasks.batches.feeder import REACH, BatchLedger
from tasks.batches.output_lines import Left, ResultLine, left_out, result_line
from tasks.batches.rows import Row
from tasks.records.job import Job

STROKE_ROWS = 256

Stroke = list[tuple[Row, ResultLine]]


class Closing:
    """Goes over the rows that are not collected, some at a time."""

    def __init__(
        self, batch: Batch, rows: Iterator[Row], ledger: BatchLedger, endpoints: Endpoints, *, first: int, why: Left
    ) -> None:
        self._batch = batch
        self._rows = rows
        self._ledger = ledger
        self._endpoints = endpoints
        self._reach = first + REACH
        self._why = why
        self._in_hand: list[Row] = []
        """Taken from the rows, and not told of: asking Redis about them has failed."""

    def stroke(self) -> Stroke:
        """The next rows with what is to be written of them; none if these were all.

        Their jobs are removed by now, so that nothing runs on for nobody.
        """
        rows = self._in_hand = self._in_hand or list(itertools.islice(self._rows, STROKE_ROWS))
        jobs = self._found([row for row in rows if row.result is None and row.number < self._reach])
        self._in_hand = []
        return [(row, self._result(row, jobs.get(row.job_id))) for row in rows]

    def _found(self, rows: list[Row]) -> dict[str, Job]:
        found = self._ledger.jobs.get_whole(row.job_id for row in rows)
        jobs = {job.id: job for job in found if job is not None}
        self._ledger.admission.forget_many(
            [job.id for job in jobs.values() if not job.status.ended], owner=self._batch.owner
        )
        return jobs

    def _result(self, row: Row, job: Job | None) -> ResultLine:
        if row.result is not None:
            return row.result
        if job is None or job.outcome is None:
            return left_out(row.job_id, row.custom_id, self._why)
        return result_line(row.job_id, row.custom_id, job, partial(self._endpoints.answer, self._batch))
