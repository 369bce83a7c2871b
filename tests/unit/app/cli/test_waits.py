"""What a command says while the cluster is away, and where on the screen."""

from __future__ import annotations

import sys

import pytest

from app.cli.waits import TOLD_AT, Waits
from tasks.errors import Unavailable

AWAY = Unavailable("It does not answer.")


def screen(monkeypatch: pytest.MonkeyPatch, *, shows_answer: bool = True) -> None:
    """A terminal that shows what is told, and the answer unless that goes to a file."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: shows_answer)


def fail(waits: Waits, *, times: int, seconds: float = 0.5) -> None:
    for _ in range(times):
        waits(AWAY, seconds)


def test_a_short_absence_is_not_told_and_a_long_one_once(capsys: pytest.CaptureFixture[str]) -> None:
    waits = Waits("Trying again.")
    fail(waits, times=TOLD_AT - 1)
    waits.go_on()
    fail(waits, times=TOLD_AT - 1)
    assert capsys.readouterr().err == ""
    fail(waits, times=5)
    assert capsys.readouterr().err == "It does not answer. Trying again.\n"


def test_a_long_wait_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    Waits("Trying again.")(Unavailable("The queue is full."), 30.0)
    assert capsys.readouterr().err.startswith("The queue is full.")


def test_a_notice_never_stands_in_the_line_of_an_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen(monkeypatch)
    waits = Waits("Trying again.")
    waits.show("Once upon")
    fail(waits, times=TOLD_AT)
    waits.show(" a time.\n")
    fail(waits, times=TOLD_AT)
    waits.end_line()
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("Once upon\n a time.\n", 2 * "It does not answer. Trying again.\n")


def test_where_the_answer_goes_to_a_file_it_stays_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen(monkeypatch, shows_answer=False)
    waits = Waits("Trying again.")
    waits.show("Once upon")
    fail(waits, times=TOLD_AT)
    assert capsys.readouterr().out == "Once upon"


def test_a_command_that_tells_at_once_waits_for_the_third_failure_when_an_answer_has_begun(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waits = Waits("Trying again.", told_at=1)
    fail(waits, times=2)
    assert capsys.readouterr().err == "It does not answer. Trying again.\n"
    waits.show("Once")
    fail(waits, times=TOLD_AT - 1)
    assert capsys.readouterr().err == ""


def test_until_an_answer_has_begun_an_error_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    waits = Waits("Trying again.", told_at=1, words=lambda error: f"{error.message} Give --url.")
    fail(waits, times=1)
    assert capsys.readouterr().err == "It does not answer. Give --url. Trying again.\n"
    waits.show("Once\n")
    fail(waits, times=TOLD_AT)
    assert capsys.readouterr().err == "It does not answer. Trying again.\n"
