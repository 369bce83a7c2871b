"""The help texts in docs/command.md are what the command prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli import main

PAGE = (Path(__file__).parents[4] / "docs" / "command.md").read_text()
BLOCKS = re.findall(r"\$ caravan ?([^\n]*?) ?--help\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize(("subcommand", "documented"), BLOCKS, ids=[block[0] or "caravan" for block in BLOCKS])
def test_the_documented_help_is_the_real_one(subcommand: str, documented: str) -> None:
    result = CliRunner().invoke(main, [*subcommand.split(), "--help"], prog_name="caravan", terminal_width=100)
    assert result.exit_code == 0
    assert documented.strip() == result.output.strip()


def test_every_subcommand_is_documented() -> None:
    assert sorted(block[0] for block in BLOCKS) == sorted(subcommands(main))


@pytest.mark.parametrize("width", [50, 80])
@pytest.mark.parametrize("group", ["", "jobs", "batches", "keys", "queues", "models", "probe"])
def test_no_help_cuts_the_sentence_about_a_command(group: str, width: int) -> None:
    text = CliRunner().invoke(main, [*group.split(), "--help"], terminal_width=width).output
    assert "..." not in text.split("Commands:")[1]
    assert all(len(line) <= width for line in text.splitlines())


def subcommands(group: click.Command, path: str = "") -> Iterator[str]:
    """A command, and those under it."""
    yield path
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from subcommands(command, f"{path} {name}".strip())


@pytest.mark.parametrize("width", [80, 50])
@pytest.mark.parametrize("subcommand", sorted(subcommands(main)))
def test_every_help_fits_the_terminal(subcommand: str, width: int) -> None:
    arguments = [*subcommand.split(), "--help"]
    text = CliRunner().invoke(main, arguments, prog_name="caravan", terminal_width=width).output
    assert [line for line in text.splitlines() if len(line) > width] == []
