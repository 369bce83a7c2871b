"""Events on a terminal."""

from __future__ import annotations

import io
import logging
import re

from tasks.logs.console import Handler, console_renderer, sentence
from tasks.logs.repeats import REDIS_ANSWERS

JOB = "573a9ce6-2045-4d0e-934d-150c35b198a7"
EVENT = {"event": "job claimed", "level": "info", "logger": "x", "timestamp": "2026-11-29T12:00:00Z", "job_id": JOB}


def test_a_line_has_the_time_the_level_the_process_and_short_ids() -> None:
    line = console_renderer("demo-1", colours=False, whole=False)(None, "", EVENT)
    assert re.fullmatch(r"\d\d:\d\d:\d\d info     demo-1: job claimed job_id=573a9ce6", line)


def test_an_event_is_one_line_with_the_end_of_its_exception() -> None:
    event = {**EVENT, "event": "it\\nfailed\nhere", "exception": "Traceback:\n  File x\nValueError: no"}
    render = console_renderer("web", colours=False, whole=False)
    assert render(None, "", event).endswith("web: it failed here job_id=573a9ce6 ValueError: no")
    assert "\n" not in render(None, "", event)
    assert "  File x" in console_renderer("web", colours=False, whole=True)(None, "", event)


def test_ids_are_short_with_and_without_dashes_and_other_words_are_whole() -> None:
    assert sentence({"event": f"batch_{JOB.replace('-', '')} of {JOB}"}) == "batch_573a9ce6 of 573a9ce6"
    assert sentence({"event": "deadbeef-is-a-model", "seconds": 0.25}) == "deadbeef-is-a-model seconds=0.25"


def test_a_process_without_redis_for_three_seconds_says_two_lines() -> None:
    now, output = [0.0], io.StringIO()
    handler = Handler(output, lambda: now[0])

    def log(level: int, text: str) -> None:
        handler.handle(logging.LogRecord("x", level, "", 0, text, None, None))

    log(logging.INFO, "job ended")
    for tenth in range(25):
        now[0] = tenth / 8
        log(logging.WARNING, "sweep put off error=Error 111 connecting to 127.0.0.1:6379. Connection refused.")
    log(logging.WARNING, REDIS_ANSWERS)
    assert output.getvalue().splitlines() == [
        "job ended",
        "Redis does not answer: Error 111 connecting to 127.0.0.1:6379. Connection refused. "
        "Start it, or correct CARAVAN_REDIS_URL; until then this is tried again.",
        "Redis answers again, after 3 s; 24 lines about it left out",
    ]
