"""What the command prints."""

from __future__ import annotations

from collections.abc import Sequence

from app.cli.table import Column, table
from tasks.models.plan.speeds import Speed, best_batch, best_threads, of

LONGEST_BAR = 30
"""Columns."""


def lines(speeds: Sequence[Speed], *, width: int | None) -> list[str]:
    """The threads and the steps that were tried, the curve, and the best of both."""
    return [
        *table(_columns("THREADS", "STREAMS", "TOKENS/S"), _threads(speeds), width=width),
        "",
        *table(_columns("BATCH_TOKENS", "PROMPTS' TOKENS/S"), _batches(speeds), width=width),
        "",
        *table((*_columns("STREAMS", "TOKENS/S", "EACH"), Column("", importance=0)), _curve(speeds), width=width),
        "",
        f"Best: threads: {best_threads(speeds)}",
        f"      batch_tokens: {best_batch(speeds)}",
    ]


def progress(speed: Speed) -> str:
    """What was measured just now."""
    what = "prompts" if speed.kind == "prefill" else _streams(speed.streams)
    steps = f", steps of {speed.batch_tokens}" if speed.part == "batch" else ""
    return f"{what}, {_threads_of(speed)}{steps}: {speed.tokens_per_second:,.0f} tokens/s"


def _threads(speeds: Sequence[Speed]) -> list[tuple[object, ...]]:
    return [
        (speed.threads, "prompts" if speed.kind == "prefill" else speed.streams, _rate(speed))
        for speed in of(speeds, "threads")
    ]


def _batches(speeds: Sequence[Speed]) -> list[tuple[object, ...]]:
    return [(speed.batch_tokens, _rate(speed)) for speed in of(speeds, "batch")]


def _curve(speeds: Sequence[Speed]) -> list[tuple[object, ...]]:
    curve = of(speeds, "curve")
    most = max(speed.tokens_per_second for speed in curve)
    return [
        (
            speed.streams,
            _rate(speed),
            f"{speed.tokens_per_second / speed.streams:,.1f}",
            "▇" * max(1, round(LONGEST_BAR * speed.tokens_per_second / most)),
        )
        for speed in curve
    ]


def _columns(*titles: str) -> list[Column]:
    return [Column(title, importance=len(titles) - at, right=True) for at, title in enumerate(titles)]


def _rate(speed: Speed) -> str:
    return f"{speed.tokens_per_second:,.0f}"


def _streams(count: int) -> str:
    return f"{count} stream{'s' * (count != 1)}"


def _threads_of(speed: Speed) -> str:
    return f"{speed.threads} thread{'s' * (speed.threads != 1)}"
