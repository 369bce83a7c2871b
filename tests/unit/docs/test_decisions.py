"""docs/decisions/README.md lists every decision."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docs" / "decisions"
ROW = re.compile(r"^\| (?:\[(?P<number>\d+)\]\((?P<file>[\w.-]+)\)|(?P<unused>\d+)) \| (?P<title>.*?) ?\| .+ \|$")
ROWS = [row for line in (FOLDER / "README.md").read_text().splitlines() if (row := ROW.match(line))]
STATUS = re.compile(r"\| (in force|unused|replaced by \[\d+\]\([\w.-]+\)) \|$")


def test_every_decision_is_listed_with_its_number_and_title() -> None:
    listed = {row["file"]: (row["number"], row["title"]) for row in ROWS if row["file"]}
    files = {path.name: path.read_text().splitlines()[0] for path in FOLDER.glob("[0-9]*.md")}
    assert {name: f"# {number}. {title}" for name, (number, title) in listed.items()} == files
    assert all(int(name[:4]) == int(number) for name, (number, _) in listed.items())


def test_no_number_is_left_out() -> None:
    assert [int(row["number"] or row["unused"]) for row in ROWS] == list(range(1, len(ROWS) + 1))


def test_every_decision_has_a_status() -> None:
    assert [row[0] for row in ROWS if not STATUS.search(row[0])] == []
