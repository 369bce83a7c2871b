"""Jobs and workers over time, as a picture. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 300, 44, 44, 34, 34
INK, JOBS, ASKED = "#888", "#4a90d9", "#d9822b"
"""Such that they are seen on a light page and on a dark one."""


@dataclass(frozen=True, slots=True)
class Point:
    """So many jobs that have not ended, and pods asked for and ready, at a second."""

    second: float
    jobs: int
    asked: int
    ready: int


def drawn(points: list[Point], *, most: int) -> str:
    """An SVG with the jobs by the scale at the left, and the pods asked for, of `most`, by that at the right."""
    minutes = max(1, -(-int(points[-1].second) // 60))
    most_jobs = max(50, -(-max(point.jobs for point in points) // 50) * 50)

    def across(minute: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * minute / minutes, 1)

    def down(share: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    jobs = [(across(point.second / 60), down(point.jobs / most_jobs)) for point in points[::5]]
    asked = [(across(point.second / 60), down(point.asked / (most + 1))) for point in points]
    parts = [
        *(_text(across(minute), HEIGHT - 12, f"{minute} min" if minute else "0") for minute in _ticks(minutes)),
        *(_line(across(minute), down(0), across(minute), down(1)) for minute in _ticks(minutes)),
        *(_text(LEFT - 18, down(share / 4) + 4, f"{most_jobs * share // 4}", JOBS) for share in range(5)),
        *(_text(WIDTH - RIGHT + 16, down(count / (most + 1)) + 4, str(count), ASKED) for count in range(most + 1)),
        _path(_straight(jobs), JOBS),
        _path(_stepped(asked), ASKED),
        _text(LEFT + 70, 18, "jobs that have not ended", JOBS),
        _text(WIDTH - RIGHT - 70, 18, "workers asked for", ASKED),
    ]
    font = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>'
    return "\n".join([head, *parts, "</svg>", ""])


def _ticks(minutes: int) -> range:
    return range(0, minutes + 1, max(1, minutes // 8))


def _straight(points: Iterable[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x} {y}" for x, y in points)


def _stepped(points: list[tuple[float, float]]) -> str:
    """Only where it changes."""
    (x, y), *others = points
    path = [f"M{x} {y}"]
    for x, later in others:
        if later != y:
            path.append(f"H{x} V{later}")
            y = later
    return " ".join([*path, f"H{points[-1][0]}"])


def _path(path: str, colour: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1} {y1} L{x2} {y2}" stroke="{INK}" stroke-opacity=".3"/>'


def _text(x: float, y: float, text: str, colour: str = INK) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle" fill="{colour}">{text}</text>'
