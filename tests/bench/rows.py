"""The rows of the table: figures of some runs, ours and those of what they are held against."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

HEAD = ("case", "Caravan", "compared with", "its figure", "compared", "target", "met")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure of every run. Runs of both sides are interleaved, so they are compared pair by pair."""

    what: str
    unit: str
    ours: list[float]
    peer: str = ""
    theirs: list[float] = field(default_factory=list)
    compare: Literal["ratio", "difference", "ours"] = "ratio"
    target: float
    at_most: bool = False
    seen: list[dict[str, Any]] = field(default_factory=list)
    """What else was seen, a run each."""

    @property
    def compared(self) -> float | None:
        """The median of the pairs' ratios or differences; None without a peer."""
        if self.compare == "ours":
            return statistics.median(self.ours)
        pairs = list(zip(self.ours, self.theirs, strict=False))
        if not pairs:
            return None
        return statistics.median(a / b if self.compare == "ratio" else a - b for a, b in pairs)

    @property
    def met(self) -> bool | None:
        if self.compared is None:
            return None
        return self.compared <= self.target if self.at_most else self.compared >= self.target

    def encode(self) -> dict[str, Any]:
        return {**asdict(self), "compared": self.compared, "met": self.met}

    def cells(self) -> tuple[str, ...]:
        """The row as it is printed."""
        unit = "" if self.compare == "ratio" else f" {self.unit}"
        sign = "<=" if self.at_most else ">="
        return (
            self.what,
            f"{_median(self.ours)} {self.unit}",
            self.peer,
            f"{_median(self.theirs)} {self.unit}" if self.theirs else "not measured",
            "" if self.compared is None else f"{self.compared:.3g}{unit}",
            f"{sign} {self.target:g}{unit}",
            {True: "yes", False: "no", None: ""}[self.met],
        )


def _median(values: list[float]) -> str:
    value = statistics.median(values)
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values does not exceed; 0 of none."""
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([texts[0], rule, *texts[1:]])
