"""Every error code and every setting is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks.settings import Settings
from tests.support.error_tree import error_classes

HOUSE = Path(__file__).parents[3]
CODE_OF_ITS_OWN = re.compile(r'\bcode="(\w+)"')


def codes() -> set[str]:
    """Codes of the classes that a server raises, and those that are given where an error is raised."""
    classes = {each.code for each in error_classes().values() if each.module != "caravan_client.errors"}
    sources = [path.read_text() for part in ("app", "tasks") for path in (HOUSE / part).rglob("*.py")]
    return classes | {code for source in sources for code in CODE_OF_ITS_OWN.findall(source)}


def named_in(page: str) -> set[str]:
    """All that stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", (HOUSE / "docs" / page).read_text()))


def test_the_codes_are_found() -> None:
    assert {"queue_full", "idempotency_key_reused", "unknown_parameter"} <= codes()


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_error_code_is_documented(code: str) -> None:
    assert code in named_in("errors.md")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"CARAVAN_{name.upper()}" in named_in("settings.md")
