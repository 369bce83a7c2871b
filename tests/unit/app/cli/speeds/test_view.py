"""What `caravan models bench` prints."""

from __future__ import annotations

import pytest

from app.cli.speeds.view import LONGEST_BAR, lines, progress
from tasks.models.plan.speeds import Kind, Part, Speed


def speed(part: Part, kind: Kind, streams: int, rate: float, *, threads: int = 4, batch: int = 512) -> Speed:
    return Speed(
        part=part, kind=kind, threads=threads, streams=streams, batch_tokens=batch, tokens_per_second=rate
    )  # fmt: skip


SPEEDS = [
    speed("threads", "prefill", 1, 700.4, threads=2),
    speed("threads", "decode", 1, 60.0, threads=2),
    speed("threads", "decode", 8, 200.0, threads=2),
    speed("threads", "prefill", 1, 1400.0),
    speed("threads", "decode", 1, 100.0),
    speed("threads", "decode", 8, 400.0),
    speed("batch", "prefill", 1, 1000.0, batch=128),
    speed("batch", "prefill", 1, 1390.0, batch=256),
    speed("batch", "prefill", 1, 1400.0, batch=512),
    speed("curve", "decode", 1, 100.0),
    speed("curve", "decode", 8, 400.0),
]


def test_the_curve_is_drawn_and_the_best_settings_are_named() -> None:
    told = lines(SPEEDS, width=None)
    assert f"      8       400   50.0  {'▇' * LONGEST_BAR}" in told
    assert told[-2:] == ["Best: threads: 4", "      batch_tokens: 256"]


@pytest.mark.parametrize("width", [80, 50, 40])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert max(map(len, lines(SPEEDS, width=width))) <= width


def test_what_is_measured_is_told_at_once() -> None:
    assert progress(SPEEDS[0]) == "prompts, 2 threads: 700 tokens/s"
    assert progress(SPEEDS[2]) == "8 streams, 2 threads: 200 tokens/s"
    assert progress(SPEEDS[6]) == "prompts, 4 threads, steps of 128: 1,000 tokens/s"
