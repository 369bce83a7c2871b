"""Prometheus' own checker, and what our rules and dashboards ask for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "caravan.json"

_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def promtool(*arguments: str, given: str = "", folder: Path = RULES.parent) -> str:
    """What it prints; fails the test if it finds a fault. Without it a test is skipped, but not in CI."""
    executable = shutil.which("promtool")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("there is no promtool: install Debian's prometheus")
        pytest.skip("there is no promtool: install Debian's prometheus")
    done = subprocess.run(
        [executable, *arguments], input=given, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    """All rules, those that record among them."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries() -> Iterator[str]:
    """Every expression of the rules and of the dashboard."""
    for rule in rules():
        yield rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def asked_for(expr: str) -> set[str]:
    """The names of our metrics in an expression."""
    return set(re.findall(r"\bcaravan[a-z0-9_:]*", expr))


def told(page: str) -> set[str]:
    """The names of series that a page of metrics has or announces."""
    names = set()
    for family in text_string_to_metric_families(page):
        names |= {family.name + suffix for suffix in _SUFFIXES[family.type]}
    return names
