"""Tables and texts that fit the screen. Of a table's columns the less important give way: no line of it wraps."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from tasks.texts import printable

GAP = "  "
LABEL_GAP = 3
"""Columns between the longest label and the values."""
LEAST_CUT = 8
"""Columns of the screen that a column keeps where it may be cut."""
LEAST_WIDTH = 20
"""Columns of the screen that a text is given: with less it would be no text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        importance: where there is no room for all, the column with the least goes first.
        right: whether its cells stand at the right, as numbers do.
        cut: whether its cells may be cut to make room; whole ones can be copied.
    """

    title: str
    importance: int
    right: bool = False
    cut: bool = False


def screen_width() -> int | None:
    """Columns of the terminal that standard output is; None if it is none, and lines may be as long as they like."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, width: int | None) -> list[str]:
    """The lines of a table, its head first; none if there are no rows.

    Args:
        width: columns of the screen; None for as many as the table needs.
    """
    if not rows:
        return []
    cells = [[printable(str(cell)) for cell in row] for row in ([column.title for column in columns], *rows)]
    wide = [max(cell_len(row[at]) for row in cells) for at in range(len(columns))]
    shown, wide = _fit(columns, wide, width)
    return [_line(row, columns, shown, wide) for row in cells]


def fitted(text: str, width: int | None, *, beside: int = 0) -> str:
    """A name that is to stand on one line: cut where it is wider than the screen; whole if nobody watches.

    Args:
        width: columns of the screen; None for as many as the name needs.
        beside: columns of what stands on the same line.
    """
    name = printable(text)
    room = None if width is None else max(width - beside, LEAST_CUT)
    return name if room is None or cell_len(name) <= room else _cell(name, room, right=False)


def wrapped(text: str, width: int | None, *, indent: str = "", first: str | None = None) -> list[str]:
    """A text in lines of this width; words are not broken, so that they can be copied.

    Args:
        width: columns of the screen; None for one line.
        first: what begins the first line; the indent if left out.
    """
    begin = indent if first is None else first
    if width is None:
        return [begin + printable(text)]
    return textwrap.wrap(
        printable(text),
        max(width, LEAST_WIDTH),
        initial_indent=begin,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def labelled(told: Mapping[str, object], width: int | None) -> list[str]:
    """A line for each value that is known, behind its label; a long value goes on below itself."""
    known = {label: str(value) for label, value in told.items() if value is not None}
    column = max(map(len, told), default=0) + LABEL_GAP
    indent = " " * column
    return [
        line
        for label, value in known.items()
        for line in wrapped(value, width, first=f"{label:<{column}}", indent=indent)
    ]


def _fit(columns: Sequence[Column], wide: list[int], width: int | None) -> tuple[list[int], list[int]]:
    """Which columns are shown, and how wide each of all is."""
    shown = list(range(len(columns)))
    if width is None:
        return shown, wide
    least = [
        min(wide[at], max(LEAST_CUT, cell_len(columns[at].title))) if columns[at].cut else wide[at] for at in shown
    ]
    while len(shown) > 1 and _total(shown, least) > width:
        shown.remove(min(reversed(shown), key=lambda at: columns[at].importance))
    wide = list(wide)
    for at in sorted(shown, key=lambda at: columns[at].importance):
        wide[at] -= max(0, min(_total(shown, wide) - width, wide[at] - least[at]))
    if _total(shown, wide) > width:  # one column, and too wide for the screen
        wide[shown[0]] = width
    return shown, wide


def _total(shown: Sequence[int], wide: Sequence[int]) -> int:
    return sum(wide[at] for at in shown) + len(GAP) * (len(shown) - 1)


def _line(row: Sequence[str], columns: Sequence[Column], shown: Sequence[int], wide: Sequence[int]) -> str:
    return GAP.join(_cell(row[at], wide[at], right=columns[at].right) for at in shown).rstrip()


def _cell(text: str, width: int, *, right: bool) -> str:
    if cell_len(text) > width:
        return set_cell_size(text, width - 1).rstrip() + "…" if width > 1 else "…"
    space = " " * (width - cell_len(text))
    return space + text if right else text + space
