"""Links between pages lead somewhere, and the page of settings names the commands that take an API key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from tests.unit.app.cli.test_help import subcommands

ROOT = Path(__file__).parents[3]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS)}
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(path: Path) -> set[str]:
    """The places of a page, named as GitHub names its headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_to_other_pages_lead_somewhere(page: str) -> None:
    for target, anchor in LINK.findall(text(page)):
        path = (PAGES[page].parent / target).resolve() if target else PAGES[page]
        if "://" not in target:
            assert path.exists(), target
            assert not anchor or path.suffix != ".md" or anchor in anchors(path), f"{target}#{anchor}"


def test_the_page_of_settings_names_the_commands_that_take_an_api_key() -> None:
    asked = {path: CliRunner().invoke(main, [*path.split(), "--help"]).output for path in subcommands(main) if path}
    groups = {path.split()[0] for path, help_text in asked.items() if "--api-key" in help_text}
    named = re.findall(r"defaults of `--url` and `--api-key` in(.+?)\.", text("docs/settings.md"), flags=re.DOTALL)
    assert set(re.findall(r"`(\w+)`", named[0])) == groups


def text(page: str) -> str:
    return PAGES[page].read_text()
