"""What `caravan up` says of programs that die: in words, once, and seldom."""

from __future__ import annotations

import json
import signal

import pytest

from app.cli.up.deaths import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Health, how
from app.cli.up.log_lines import Reader
from tasks.logs.repeats import MOST_LINES, Repeats

FIVE_MINUTES = 300.0
TRACEBACK = """\
Traceback (most recent call last):
  File "/x/y.py", line 3, in <module>
    raise ValueError("attempt 17")
ValueError: attempt 17"""


def test_an_end_is_told_by_its_status_or_its_signal() -> None:
    assert how(1) == "ended with status 1"
    assert how(0) == "ended with status 0"
    assert how(-signal.SIGTERM) == "was killed by SIGTERM"
    assert how(-signal.SIGSEGV) == "was killed by SIGSEGV (a fault of a library; run `caravan doctor`)"
    assert "lack of memory" in how(-signal.SIGKILL)
    assert how(-99) == "was killed by signal 99"


def test_a_death_is_told_at_once_and_its_end_once() -> None:
    health = Health("web", "logs/web.log")
    assert health.died(-9, lived_seconds=100)[1].startswith("web was killed by SIGKILL")
    assert health.lives(9) == ""
    assert health.lives(10) == "web runs again; it had died once."
    assert health.lives(11) == ""


def test_a_program_that_dies_again_after_it_seemed_well_is_told_less_and_less() -> None:
    health, told = Health("web"), []
    for _ in range(6):
        told.append(health.died(1, lived_seconds=12)[1])
        told += [health.lives(seconds) for seconds in (1, 10, 11)]
    died, again = ("web ended with status 1; it is restarted.",) * 2
    well = "web runs again; it had died once."
    assert [text for text in told if text][:3] == [died, well, again]
    assert [text.startswith("web has died 3 times") for text in told if text][3:] == [True]
    assert health.lives(60) == "web runs again; it had died 6 times."
    assert health.died(1, lived_seconds=60)[1].startswith("web ended")


def test_who_dies_again_and_again_is_told_with_what_to_do_and_then_no_more() -> None:
    health = Health("demo-1", "logs/demo-1.log")
    told = [health.died(-11, lived_seconds=1)[1] for _ in range(20)]
    assert told[0] == f"demo-1 {how(-11)}; it is restarted."
    assert told[2] == (
        f"demo-1 has died 3 times in a row: the last time it {how(-11)}. logs/demo-1.log says more. "
        "It is restarted at least every 60 s."
    )
    assert [text for text in told if text] == [told[0], told[2]]
    assert health.dies_again_and_again
    assert health.lives(59) == ""
    assert health.lives(60) == "demo-1 runs again; it had died 20 times."
    assert not health.dies_again_and_again


def test_pauses_double_up_to_a_minute_and_begin_anew_after_ten_good_seconds() -> None:
    health = Health("web")
    pauses = [health.died(1, lived_seconds=1)[0] for _ in range(12)]
    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert health.died(1, lived_seconds=10)[0] == FIRST_PAUSE_SECONDS


@pytest.mark.parametrize("lives_for", [0.05, 1.0, 9.9, 12.0, 30.0])
def test_five_minutes_of_dying_are_a_few_lines(lives_for: float) -> None:
    """Supervisor and log together: each process leaves a traceback, and errors that differ."""
    health, reader, repeats, now = Health("web", "logs/web.log"), Reader(), Repeats(most=MOST_LINES), 0.0
    told: list[str] = []
    while now < FIVE_MINUTES:
        now += lives_for
        told.append(health.lives(lives_for))
        said = [*TRACEBACK.splitlines(), *(event("error", f"{kind} {now}") for kind in "abcdefghijklmnopqrst")]
        lines = [line for raw in said for line in reader.read(raw)]
        told += [line.text for line in lines if line.is_error and repeats.is_new(line.text, now, of="web")]
        told += repeats.counts(now)
        pause, text = health.died(1, lived_seconds=lives_for)
        told.append(text)
        now += pause
    assert 3 <= len([text for text in told if text]) < 20


def event(level: str, text: str, **keys: object) -> str:
    stamp = {"timestamp": "2026-01-01T00:00:00Z", "logger": "tasks.x"}
    return json.dumps({"event": text, "level": level, **stamp, **keys})


def read(*lines: str) -> list[tuple[str, bool]]:
    reader = Reader()
    return [(line.text, line.is_error) for raw in lines for line in reader.read(raw)]


def test_an_event_is_read_with_its_keys_and_the_last_line_of_its_exception() -> None:
    assert read(event("info", "job claimed", attempt=2)) == [("job claimed attempt=2", False)]
    assert read(event("error", "no", exception=TRACEBACK)) == [("no ValueError: attempt 17", True)]
    assert read(event("critical", "the process ends")) == [("the process ends", True)]
    assert read(event("warning", "Inspect method stats failed")) == [("Inspect method stats failed", False)]


def test_a_traceback_is_told_by_its_last_line() -> None:
    found = read("hello", *TRACEBACK.splitlines(), "after", "")
    assert [text for text, is_error in found if is_error] == ["ValueError: attempt 17"]
    assert ("after", False) in found


def test_a_traceback_of_a_traceback_is_told_by_both_their_last_lines() -> None:
    during = "During handling of the above exception, another exception occurred:"
    found = read(*TRACEBACK.splitlines(), "", during, "", *TRACEBACK.replace("17", "18").splitlines())
    assert [text for text, is_error in found if is_error] == ["ValueError: attempt 17", "ValueError: attempt 18"]


@pytest.mark.parametrize("line", ["{", "{}", "{not json}", '["event"]', "1829:M 21 Nov # Server initialized"])
def test_a_line_that_is_no_event_is_shown_as_it_is(line: str) -> None:
    assert read(line) == [(line, False)]
