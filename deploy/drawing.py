"""A picture of the dashboard, drawn of what a Prometheus answers to its queries; for the documentation.

python -m deploy.drawing --prometheus http://127.0.0.1:9090 --seconds 300 --out docs/pictures/dashboard.png
"""

from __future__ import annotations

import argparse
import io
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, PercentFormatter
from PIL import Image

from deploy.panels import Panel, Query, rows

COLUMNS = 4
COLOURS = 48
VARIABLES = {"$namespace": ".*", "$job": ".*", "$model": ".*", "$__rate_interval": "30s"}
UNITS = {"s": "s", "bytes": "B"}


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its name in the legend, and its points."""

    name: str
    times: Sequence[float]
    values: Sequence[float]


def ask(prometheus: httpx.Client, query: Query, *, start: float, end: float) -> list[Series]:
    """What a query gives over a time; raises if Prometheus does not take it."""
    expr = query.expr
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    given: dict[str, str | float] = {"query": expr, "start": start, "end": end, "step": max(1.0, (end - start) / 150)}
    response = prometheus.get("/api/v1/query_range", params=given)
    response.raise_for_status()
    return [
        Series(_legend(query, found["metric"]), *zip(*((at - start, float(value)) for at, value in found["values"])))  # noqa: B905
        for found in response.json()["data"]["result"]
    ]


def draw(prometheus: httpx.Client, *, start: float, end: float) -> tuple[bytes, list[str]]:
    """The picture as PNG, and the titles of the panels that have nothing to show."""
    mpl.use("Agg")
    mpl.rcParams.update({"font.size": 7, "axes.titlesize": 8, "legend.fontsize": 5.5, "lines.linewidth": 0.9})
    panels, empty = [panel for row in rows() for panel in row.panels], []
    height = -(-len(panels) // COLUMNS)
    figure, grid = pyplot.subplots(height, COLUMNS, figsize=(COLUMNS * 3.2, height * 1.75), layout="constrained")
    for panel, axes in zip(panels, grid.flat, strict=False):
        series = [each for query in panel.queries for each in ask(prometheus, query, start=start, end=end)]
        if not series:
            empty.append(panel.title)
        _plot(axes, panel, series, seconds=end - start)
    for axes in list(grid.flat)[len(panels) :]:
        axes.axis("off")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    pyplot.close(figure)
    small = io.BytesIO()
    Image.open(buffer).convert("RGB").quantize(COLOURS).save(small, format="png", optimize=True)
    return small.getvalue(), empty


def _plot(axes: Axes, panel: Panel, series: Sequence[Series], *, seconds: float) -> None:
    for each in series:
        axes.plot(each.times, each.values, label=each.name)
        if panel.stacked:
            axes.fill_between(each.times, each.values, alpha=0.2)
    axes.set_title(panel.title)
    axes.set_xlim(0, seconds)
    drawn = [value for each in series for value in each.values if math.isfinite(value)]  # no quantile of nothing
    axes.set_ylim(0, 1.3 * max(drawn, default=0) or 1)
    if panel.unit == "percentunit":
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    else:
        axes.yaxis.set_major_formatter(EngFormatter(UNITS.get(panel.unit, "")))
    axes.grid(alpha=0.25)
    if series:
        axes.legend(loc="upper right", ncols=2 if len(series) > 3 else 1, framealpha=0.7)


def _legend(query: Query, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), query.legend)


def main() -> None:
    """Draw the last seconds, and say what has nothing to show."""
    parser = argparse.ArgumentParser(prog="python -m deploy.drawing")
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with httpx.Client(base_url=args.prometheus, timeout=30) as prometheus:
        end = time.time()
        picture, empty = draw(prometheus, start=end - args.seconds, end=end)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(picture)
    print(f"{args.out}: {len(picture)} bytes; nothing to show: {', '.join(empty) or 'none'}")  # noqa: T201


if __name__ == "__main__":
    main()
