"""docs/state_machine.md is the table of transitions."""

from __future__ import annotations

import re
from pathlib import Path

from tasks.records.job import TRANSITIONS, JobStatus

HOUSE = Path(__file__).parents[3]
PAGE = (HOUSE / "docs" / "state_machine.md").read_text()
ALLOWED = {(before, after) for before, targets in TRANSITIONS.items() for after in targets}
ROWS = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+) \| (.+) \|$", PAGE, flags=re.MULTILINE)


def test_the_table_has_every_transition_once() -> None:
    assert sorted((before, after) for before, after, _, _ in ROWS) == sorted(ALLOWED)


def test_the_diagram_has_every_transition_and_where_a_job_begins_and_rests() -> None:
    drawn = set(re.findall(r"^    (\S+) --> (\S+)$", PAGE, flags=re.MULTILINE))
    rests = {(str(status), "[*]") for status in JobStatus if not TRANSITIONS[status]}
    assert drawn == ALLOWED | {("[*]", "queued")} | rests


def test_every_script_that_makes_a_transition_is_there() -> None:
    there = {path.stem for path in (HOUSE / "tasks" / "ledger" / "lua").rglob("*.lua")}
    named = {name for _, _, _, scripts in ROWS for name in re.findall(r"`(\w+)`", scripts)}
    assert named <= there
