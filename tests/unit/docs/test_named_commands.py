"""Wherever a page or a message names a command of `caravan`, there is one, and it has the options beside it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from app.cli import main
from tests.support.documented import shown
from tests.support.pages import PAGES, spans

HOUSE = Path(__file__).parents[3]
TEXTS = {".md", ".py", ".yml", ".yaml", ".tpl", ".txt", ".json"}
FOLDERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "app", "tasks", "deploy")
NAMED = re.compile(r"`[^`\n]*?\bcaravan (?!-)([a-z][^`]*?)`")
"""A command between backquotes; in a page it may be broken over two lines."""


def named() -> list[str]:
    """Everything that is said of the command, after its name."""
    paths = [path for each in FOLDERS for path in (HOUSE / each, *(HOUSE / each).rglob("*")) if path.suffix in TEXTS]
    return sorted({" ".join(found.split()) for path in paths for found in NAMED.findall(path.read_text())})


def fault(text: str) -> str | None:
    """What there is not of a command."""
    command: click.Command = main
    words = re.split(r"[\s)]+", text)
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z-]+", words[0]):
        found = command.get_command(click.Context(command), words[0])
        if not found:
            return words[0]
        command, words = found, words[1:]
    options = {name for each in command.params for name in each.opts} | {"--help", "-h"}
    return next((word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word) and word not in options), None)


@pytest.mark.parametrize("text", named())
def test_a_command_that_is_named_is_there(text: str) -> None:
    assert fault(text) is None


def test_commands_and_options_that_are_not_there_are_found() -> None:
    texts = ("jobs dead", "up --modles m.yaml", "jobs retry --dlq")
    assert [fault(text) for text in texts] == ["dead", "--modles", None]
    assert len(named()) > 50


def test_a_target_of_make_that_is_named_is_there() -> None:
    there = set(re.findall(r"^([a-z-]+):", (HOUSE / "Makefile").read_text(), re.MULTILINE))
    texts = [command for _, command in shown()] + [span for page in (*PAGES, "CONTRIBUTING.md") for span in spans(page)]
    named = {found for text in texts for found in re.findall(r"(?:^|&& )make ([a-z-]+)", text)}
    assert "setup" in named
    assert named - there == set()
