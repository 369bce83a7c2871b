"""Grafana's dashboard, made of `panels.rows`: ``python -m deploy.dashboards`` writes ``grafana/caravan.json``.

It also writes the chart's copies of the dashboard and of the alert rules: Helm reads no file outside a chart.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from deploy.panels import Panel, Query, Row, rows

FILE = Path(__file__).parent / "grafana" / "caravan.json"
RULES = Path(__file__).parent / "prometheus" / "rules.yml"
COPIES = Path(__file__).parent / "helm" / "files"
COLUMNS = 3
WIDTH, HEIGHT = 24 // COLUMNS, 8
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana 10 and later import it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows():
        panels.append(_heading(row, number=len(panels) + 1, top=top))
        for index, panel in enumerate(row.panels):
            place = {"x": index % COLUMNS * WIDTH, "y": top + 1 + index // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT}
            panels.append(_graph(panel, number=len(panels) + 1, place=place))
        top += 1 + -(-len(row.panels) // COLUMNS) * HEIGHT
    return {
        "uid": "caravan",
        "title": "Caravan",
        "tags": ["caravan"],
        "schemaVersion": 39,
        "editable": True,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": panels,
    }


def encode() -> str:
    """The file's text."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def _variables() -> list[dict[str, Any]]:
    source = {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus"}
    return [source, _variable("namespace"), _variable("job"), _variable("model", metric="caravan_queue_open")]


def _variable(label: str, *, metric: str = "caravan_redis_up") -> dict[str, Any]:
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": f"label_values({metric}, {label})",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _heading(row: Row, *, number: int, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": 24, "h": 1}
    return {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}


def _graph(panel: Panel, *, number: int, place: dict[str, int]) -> dict[str, Any]:
    custom = {"fillOpacity": 20 if panel.stacked else 0, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [_target(query, ref=chr(ord("A") + index)) for index, query in enumerate(panel.queries)],
    }


def _target(query: Query, *, ref: str) -> dict[str, Any]:
    return {"refId": ref, "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend}


if __name__ == "__main__":
    FILE.write_text(encode())
    for source in (FILE, RULES):
        shutil.copyfile(source, COPIES / source.name)
