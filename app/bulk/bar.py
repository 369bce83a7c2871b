"""One line that tells how far a run has come. It fits its screen: "done of total" stays longest (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from app.bulk.state import State

GAP = "  "
LEAST_BAR, LONGEST_BAR = 8, 40
"""Columns of the bar itself, if there is room for one."""
LEFT_FREE = 3
"""Columns for the terminal's own ``^C``: a line that it makes wrap would be shown twice."""


@dataclass(frozen=True, slots=True)
class _Part:
    importance: int
    text: str


def line(state: State, *, rows: float, tokens: float, width: int) -> str:
    """The parts for which there is room, the most important ones first.

    Args:
        rows: a second, lately; so are `tokens`.
        width: columns of the screen.
    """
    noun = "row" if state.total == 1 else "rows"
    left = f"{duration((state.total - state.num_rows) / rows)} left" if rows else ""
    parts = [
        _Part(6, f"{state.num_rows:,} of {state.total:,} {noun}"),
        _Part(5, f"{state.num_failed:,} failed" if state.num_failed else ""),
        _Part(4, left),
        _Part(2, f"{rows:,.1f} rows/s"),
        _Part(1, f"{tokens:,.0f} tokens/s"),
    ]
    room = width - LEFT_FREE
    shown: list[_Part] = []
    for part in sorted((part for part in parts if part.text), key=lambda part: -part.importance):
        bar = LEAST_BAR + len(GAP) if part.importance < 3 else 0  # which is more important than speeds
        if shown and len(_joined([*shown, part])) + bar > room:
            break
        shown.append(part)
    told = _joined([part for part in parts if part in shown])
    columns = min(LONGEST_BAR, room - len(told) - len(GAP))
    return f"{_bar(state, columns)}{GAP}{told}" if columns >= LEAST_BAR else told[: max(room, 1)]


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def _joined(parts: list[_Part]) -> str:
    return GAP.join(part.text for part in parts)


def _bar(state: State, columns: int) -> str:
    done = columns * state.num_rows // state.total if state.total else columns
    return "━" * done + "─" * (columns - done)
