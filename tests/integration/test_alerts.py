"""Alert rules: they are valid, each fires when it should, and each has a page."""

from __future__ import annotations

import re

from tests.support.promtool import ROOT, RULES, promtool, rules

PAGE = (ROOT / "docs" / "alerts.md").read_text()
ALERTS = [rule["alert"] for rule in rules() if "alert" in rule]


def test_the_rules_are_valid() -> None:
    assert "SUCCESS" in promtool("check", "rules", RULES.name)


def test_each_alert_is_silent_first_and_then_fires() -> None:
    promtool("test", "rules", "rules_test.yml")
    tested = re.findall(r"- alertname: (\w+)", (RULES.parent / "rules_test.yml").read_text())
    assert sorted(tested) == sorted(ALERTS)


def test_each_alert_has_a_section_of_the_runbook() -> None:
    assert re.findall(r"^## (Caravan\w+)$", PAGE, flags=re.MULTILINE) == ALERTS


def test_each_alert_leads_to_its_section() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
