"""When tokens are written: soon to readers, else together."""

from __future__ import annotations

import pytest

from tasks.records.job import Job, Operation
from tasks.worker.held import Held
from tasks.worker.pieces import KEPT_SECONDS, KEPT_TOKENS, LONGEST_READ_SECONDS, READ_PER_SECOND, Unwritten, due


def held(*, is_unread: bool = False, written_at: float | None = None) -> Held:
    made = Held(Job(id="j", model="m", operation=Operation.COMPLETION, request={}), is_unread=is_unread)
    if written_at is not None:
        made.written_at = written_at
    return made


def unwritten(since: float, tokens: int = 1, finish_reason: str | None = None) -> Unwritten:
    made = Unwritten(since)
    made.piece(0).tokens += [1] * tokens
    made.piece(0).finish_reason = finish_reason
    return made


def due_of(job: Held, made: Unwritten, *, others: int = 0) -> float:
    """When one job's pieces are due, beside so many others that are read."""
    return due({job: made} | {held(written_at=5.0): unwritten(5.0) for _ in range(others)})[job]


def test_a_first_piece_is_written_at_once_however_many_read() -> None:
    assert due_of(held(), unwritten(5.0), others=500) == 5.0


def test_one_reader_gets_each_token_as_it_comes() -> None:
    assert due_of(held(written_at=4.99), unwritten(5.0)) == 5.0


def test_many_readers_share_the_pieces_of_a_second() -> None:
    assert due_of(held(written_at=5.0), unwritten(5.001), others=63) == pytest.approx(5.0 + 64 / READ_PER_SECOND)
    assert due_of(held(written_at=4.9), unwritten(5.001), others=63) == 5.001


def test_no_reader_waits_longer_than_a_text_that_flows() -> None:
    assert due_of(held(written_at=5.0), unwritten(5.001), others=5000) == pytest.approx(5.0 + LONGEST_READ_SECONDS)


def test_a_job_that_nobody_reads_waits_half_a_second_and_takes_nothing_from_readers() -> None:
    unread = held(is_unread=True, written_at=4.9)
    assert due_of(unread, unwritten(5.0)) == 5.0 + KEPT_SECONDS
    read = held(written_at=5.0)
    alone = due({read: unwritten(5.0)})[read]
    assert due({read: unwritten(5.0), unread: unwritten(5.0)})[read] == alone


def test_neither_many_tokens_nor_the_end_of_a_sequence_wait() -> None:
    unread = held(is_unread=True, written_at=4.9)
    assert due_of(unread, unwritten(5.0, tokens=KEPT_TOKENS)) == 5.0
    assert due_of(unread, unwritten(5.0, finish_reason="stop")) == 5.0
    assert due_of(unread, unwritten(5.0, tokens=KEPT_TOKENS - 1)) > 5.0
    assert due_of(held(written_at=5.0), unwritten(5.0, finish_reason="stop"), others=63) == 5.0


def test_nothing_is_due_of_nothing() -> None:
    assert due({}) == {}
