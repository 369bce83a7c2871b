"""What pages say of commands is so, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

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
    groups = {path.split()[0] for path in subcommands(main) if path and "--api-key" in options(path.split())}
    named = re.findall(r"defaults of `--url` and `--api-key` in(.+?)\.", text("docs/settings.md"), flags=re.DOTALL)
    assert set(re.findall(r"`(\w+)`", named[0])) == groups


@pytest.mark.parametrize("page", PAGES)
def test_a_command_on_a_page_exists_with_its_options(page: str) -> None:
    for line in re.findall(r"^(?:\$ |[A-Z_]+=\S+ )*caravan ([a-z](?:.*\\\n)*.*)", text(page), flags=re.MULTILINE):
        words = shlex.split(line.replace("\\\n", " "))
        known = options(words)
        assert [word for word in words if word.startswith("--") and word.partition("=")[0] not in known] == [], line


def text(page: str) -> str:
    return PAGES[page].read_text()


def options(words: Sequence[str]) -> set[str]:
    """The options of the command that the words begin with. Raises AssertionError if there is none."""
    command: click.Command = main
    context = click.Context(main)
    for word in words:
        if not isinstance(command, click.Group) or word.startswith("-"):
            break
        found = command.get_command(context, word)
        assert found is not None, " ".join(words)
        command = found
    return {option for parameter in command.params for option in parameter.opts} | {"--help"}
