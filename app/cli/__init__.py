"""The ``caravan`` command: one file a group of subcommands, each imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from app.cli.group import Group
from tasks.errors import SettingsError

COMMANDS = {
    "up": "app.cli.up.command",
    "web": "app.cli.web.command",
    "worker": "app.cli.worker",
    "clerk": "app.cli.clerk",
    "flower": "app.cli.flower",
    "status": "app.cli.status.command",
    "chat": "app.cli.chat.command",
    "submit": "app.cli.submit",
    "bulk": "app.cli.bulk",
    "batches": "app.cli.batches",
    "jobs": "app.cli.jobs",
    "keys": "app.cli.keys",
    "queues": "app.cli.queues",
    "models": "app.cli.models",
    "probe": "app.cli.probe",
    "doctor": "app.cli.doctor",
}

ALIASES = {"ps": "status"}
"""Other names of commands, as users of other programs know them; no help lists them."""

Resolved = tuple[str | None, click.Command | None, list[str]]

INTERRUPTED = 130
"""Exit status of a program that an interrupt ended, as shells have it."""
ASKS_LITTLE = ("probe", "doctor")
"""One is run every few seconds, and in an environment that another process has been started with; one tells by itself
what makes no sense."""


class WrongSetting(click.ClickException):
    """Raised when a variable of the environment makes no sense."""

    exit_code = 2


class _LazyGroup(Group):
    """Imports a subcommand's module when it is run, so that `caravan jobs` does not wait for gunicorn's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if module is None:
            return None
        command: click.Command = import_module(module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Called when a subcommand is about to run; whoever asks for help gets it in any environment."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            raise self._no_such(ctx, args[0])
        name, command, rest = super().resolve_command(ctx, args)
        if name not in ASKS_LITTLE and not set(ctx.help_option_names).intersection(rest):
            from tasks.environment import read_settings

            read_settings()
        return name, command, rest

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            if exc.possibilities:
                raise
            raise click.UsageError(f"{exc.message} The options of a command stand behind its name.", ctx=ctx) from exc

    def _no_such(self, ctx: click.Context, name: str) -> click.UsageError:
        """The error for a name that is no command's: with the groups that have such a one, or with the nearest ones."""
        groups = ((group, self.get_command(ctx, group)) for group in COMMANDS)
        found = [group for group, each in groups if isinstance(each, click.Group) and name in each.commands]
        if not found:
            return click.NoSuchCommand(name, possibilities=[*COMMANDS, *ALIASES], ctx=ctx)
        names = " or ".join(f"'{ctx.command_path} {group} {name}'" for group in found)
        return click.NoSuchCommand(name, f"No such command '{name}'. Did you mean {names}?", ctx=ctx)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as exc:
            raise WrongSetting(str(exc)) from exc
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)
            raise SystemExit(INTERRUPTED) from None


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="llama-caravan", prog_name="caravan")
def main() -> None:
    """Serve local LLMs from a queue: an accepted job is never lost, and a stream never breaks."""
