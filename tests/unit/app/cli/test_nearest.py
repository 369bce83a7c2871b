"""A command or an option that there is not is answered with the nearest one."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from app.cli import ALIASES, main
from tests.unit.app.cli.test_help import subcommands

PATHS = list(subcommands(main))


def misspelt(name: str) -> str:
    """With its last two letters in the other order, or with one more."""
    turned = name[:-2] + name[-1] + name[-2]
    return turned if len(name) > 2 and turned != name else f"{name}x"


def options() -> Iterator[tuple[str, str]]:
    for path in PATHS:
        command: click.Command | None = main
        for name in path.split():
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), name)
        assert command is not None
        yield from ((path, name) for each in command.params for name in each.opts if name.startswith("--"))


def said(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments, prog_name="caravan", terminal_width=200)
    assert result.exit_code == 2
    return result.output.splitlines()[-1]


@pytest.mark.parametrize("path", PATHS[1:])
def test_a_misspelt_command_is_answered_with_the_nearest(path: str) -> None:
    *groups, name = path.split()
    error = said(*groups, misspelt(name))
    assert error.startswith(f"Error: No such command '{misspelt(name)}'.")
    assert f"'{name}'" in error.split("Did you mean")[1]


@pytest.mark.parametrize(("path", "option"), list(options()))
def test_a_misspelt_option_is_answered_with_the_nearest(path: str, option: str) -> None:
    error = said(*path.split(), misspelt(option))
    assert error.startswith(f"Error: No such option '{misspelt(option)}'.")
    assert f"'{option}'" in error.split("Did you mean")[1]


@pytest.mark.parametrize("alias", ALIASES)
def test_other_names_of_commands_are_near_too(alias: str) -> None:
    assert f"'{alias}'" in said(f"{alias}s")


@pytest.mark.parametrize(
    ("name", "full"),
    [("pull", ["models pull"]), ("watch", ["batches watch", "jobs watch"]), ("revoke", ["keys revoke"])],
)
def test_a_command_of_a_group_is_answered_with_its_whole_name(name: str, full: list[str]) -> None:
    names = " or ".join(f"'caravan {each}'" for each in full)
    assert said(name) == f"Error: No such command '{name}'. Did you mean {names}?"


def test_what_is_near_to_nothing_is_answered_with_nothing() -> None:
    assert said("zzzzzz") == "Error: No such command 'zzzzzz'."


def test_a_commands_option_before_its_name_is_told_where_it_stands() -> None:
    error = said("--url", "http://127.0.0.1:8000", "status")
    assert error == "Error: No such option '--url'. The options of a command stand behind its name."
