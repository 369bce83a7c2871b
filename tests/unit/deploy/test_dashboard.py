"""The dashboard that is committed is the one that the code makes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from deploy import dashboards
from deploy.panels import rows


def test_the_committed_dashboard_is_current() -> None:
    assert dashboards.FILE.read_text() == dashboards.encode(), "run: python -m deploy.dashboards"


@pytest.mark.parametrize("source", [dashboards.FILE, dashboards.RULES], ids=lambda path: path.name)
def test_the_charts_copies_are_current(source: Path) -> None:
    assert (dashboards.COPIES / source.name).read_bytes() == source.read_bytes(), "run: make dashboard"


def test_every_panel_says_what_it_shows() -> None:
    panels = [panel for row in rows() for panel in row.panels]
    assert [panel.title for panel in panels if not panel.about or not panel.queries] == []
    assert [title for title, count in Counter(panel.title for panel in panels).items() if count > 1] == []


def test_panels_neither_overlap_nor_leave_the_page() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboards.dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert all(0 <= x < 24 for x, _ in cells)
        taken |= cells
