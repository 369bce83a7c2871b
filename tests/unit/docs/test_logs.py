"""The loggers that docs/logs.md names are modules that write the events beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[3]
PAGE = (HOUSE / "docs" / "logs.md").read_text()
ROWS = re.findall(r"^\| (`.+`) \| `((?:app|tasks)\.[\w.]+)` \|", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize(("events", "logger"), ROWS)
def test_a_logger_writes_its_events(events: str, logger: str) -> None:
    source = (HOUSE / logger.replace(".", "/")).with_suffix(".py").read_text()
    assert [event for event in re.findall(r"`(.+?)`", events) if f'"{event}"' not in source] == []


def test_the_rows_are_found() -> None:
    assert len(ROWS) > 5
