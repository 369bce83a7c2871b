"""How a start is shown: on a narrow screen, quietly, and in a file."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from app.cli.up.display import InPlace, Quiet, display
from app.cli.up.parts import Part

LONG = "a-model-whose-name-is-longer-than-a-screen-of-fifty-columns-1"
STARTING, READY = Part("web", "the API"), Part("web", "the API", "ready")
FAILED = Part("demo-1", "model demo", "failed", "It died.")


@pytest.mark.parametrize("width", [80, 50])
def test_a_worker_with_a_long_name_shows_its_state_on_its_line(width: int) -> None:
    output = io.StringIO()
    shown = InPlace(Console(file=output, width=width, force_terminal=True, color_system=None, highlight=False))
    shown.show([Part(LONG, f"model {LONG}", "ready"), READY])
    shown.end()
    lines = [re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", line) for line in output.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    assert any(line.startswith("  a-model-whose-name-is") and "ready" in line for line in lines)


def test_quiet_tells_trouble_alone_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Quiet()
    shown.show([STARTING, FAILED])
    shown.show([READY, FAILED])
    shown.add("Caravan is up.")
    shown.tell("redis was killed.")
    shown.end()
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "demo-1 failed: It died.\nredis was killed.\n")


def test_a_log_file_has_all_with_its_time_though_the_terminal_is_quiet() -> None:
    file = io.StringIO()
    shown = display(verbose=False, quiet=True, log_file=file)
    shown.show([STARTING])
    shown.show([READY])
    shown.add("", "Caravan is up.")
    lines = file.getvalue().splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "web  starting  the API",
        "web  ready     the API",
        "Caravan is up.",
    ]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d  ", line) for line in lines)
