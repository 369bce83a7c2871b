"""When so many rows fail that a run stops."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from app.bulk.answer import Answer
from app.bulk.errors import BulkError
from app.bulk.journal import Journal
from app.bulk.vain import STREAK, Judge

GOOD = Answer(text="Yes.", finish_reason="stop")
OWN_FAULT = Answer(code="invalid_value", message="No.")
PASSING = Answer(code="engine_failure", message="No.", passing=True)


def seen(folder: Path, answers: list[Answer], *, max_failures: int | None = None) -> int:
    """How many rows are in the journal once a run has seen these answers, which come in two writes."""
    with closing(Journal.open(folder / "answers.jsonl")) as journal:
        judge = Judge(journal, max_failures=max_failures)
        for part in (answers[:20], answers[20:]):
            journal.append(journal.tally.num_rows, part)
            judge.see(part)
        return journal.tally.num_rows


def test_a_streak_of_failures_that_are_not_the_rows_own_stops_a_run_and_is_asked_again(tmp_path: Path) -> None:
    with pytest.raises(BulkError, match=f"{STREAK} rows in a row have failed, the last one with engine_failure: No"):
        seen(tmp_path, [GOOD, *[PASSING] * STREAK])
    with closing(Journal.open(tmp_path / "answers.jsonl")) as journal:
        assert journal.tally.num_rows == 1


@pytest.mark.parametrize("between", [GOOD, OWN_FAULT], ids=["an answer", "a failure of a row's own"])
def test_whatever_comes_between_ends_a_streak(tmp_path: Path, between: Answer) -> None:
    answers = [GOOD, *[PASSING] * (STREAK - 1), between, *[PASSING] * (STREAK - 1)]
    assert seen(tmp_path, answers) == len(answers)


def test_a_run_in_which_every_row_fails_by_its_own_fault_goes_on_to_its_end(tmp_path: Path) -> None:
    assert seen(tmp_path, [OWN_FAULT] * 3 * STREAK) == 3 * STREAK


def test_fewer_rows_than_a_streak_end_whoever_is_at_fault(tmp_path: Path) -> None:
    assert seen(tmp_path, [PASSING] * (STREAK - 1)) == STREAK - 1


def test_who_says_how_many_rows_may_fail_lets_them_fail_in_a_row(tmp_path: Path) -> None:
    assert seen(tmp_path, [PASSING] * 2 * STREAK, max_failures=2 * STREAK) == 2 * STREAK


def test_answers_that_were_kept_neither_end_a_streak_nor_are_they_left_out_of_what_is_taken_back(
    tmp_path: Path,
) -> None:
    with closing(Journal.open(tmp_path / "answers.jsonl")) as journal:
        judge = Judge(journal, max_failures=None)
        asked: list[Answer | None] = [GOOD, *[PASSING] * (STREAK - 1), None, PASSING]
        journal.append(0, [answer or GOOD for answer in asked])
        with pytest.raises(BulkError, match=f"{STREAK} rows in a row"):
            judge.see(asked)
        assert journal.tally.num_rows == 1


def test_more_failures_than_are_allowed_stop_a_run(tmp_path: Path) -> None:
    assert seen(tmp_path, [OWN_FAULT] * 3, max_failures=3) == 3
    with pytest.raises(BulkError, match="4 rows have failed, and --max-failures allows 3"):
        seen(tmp_path, [OWN_FAULT], max_failures=3)
