"""When tokens are written: at once to readers, else together."""

from __future__ import annotations

import pytest

from tasks.records.job import Job, Operation, Priority
from tasks.worker.held import Held
from tasks.worker.pieces import KEPT_SECONDS, KEPT_TOKENS, UNREAD_SECONDS, Unwritten, due_at, next_due


def held(priority: Priority, unread_since: float | None) -> Held:
    job = Job(id="j", model="m", operation=Operation.COMPLETION, request={}, priority=priority)
    return Held(job, unread_since=unread_since)


def unwritten(since: float, tokens: int = 1, finish_reason: str | None = None) -> Unwritten:
    made = Unwritten(since)
    made.piece(0).tokens += [1] * tokens
    made.piece(0).finish_reason = finish_reason
    return made


@pytest.mark.parametrize("priority", list(Priority))
def test_what_somebody_reads_is_written_at_once_and_so_is_the_first_token(priority: Priority) -> None:
    assert due_at(held(priority, None), unwritten(5.0)) == 5.0


def test_a_low_job_that_nobody_reads_waits_half_a_second() -> None:
    assert due_at(held(Priority.LOW, 4.9), unwritten(5.0)) == 5.0 + KEPT_SECONDS


def test_another_one_is_given_a_second_in_which_readers_come() -> None:
    normal = held(Priority.NORMAL, 4.9)
    assert due_at(normal, unwritten(5.0)) == 5.0
    later = 4.9 + UNREAD_SECONDS
    assert due_at(normal, unwritten(later)) == later + KEPT_SECONDS


def test_neither_many_tokens_nor_the_end_of_a_sequence_wait() -> None:
    low = held(Priority.LOW, 4.9)
    assert due_at(low, unwritten(5.0, tokens=KEPT_TOKENS)) == 5.0
    assert due_at(low, unwritten(5.0, finish_reason="stop")) == 5.0
    assert due_at(low, unwritten(5.0, tokens=KEPT_TOKENS - 1)) > 5.0


def test_the_first_of_many_is_the_next() -> None:
    low, read = held(Priority.LOW, 4.0), held(Priority.LOW, None)
    assert next_due([]) is None
    assert next_due([(low, unwritten(5.0)), (read, unwritten(5.2))]) == 5.2
