"""The ``caravan`` command: one file a group of subcommands, each imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "up": "app.cli.up",
    "web": "app.cli.web",
    "worker": "app.cli.worker",
    "clerk": "app.cli.clerk",
    "flower": "app.cli.flower",
    "submit": "app.cli.submit",
    "bulk": "app.cli.batches",
    "jobs": "app.cli.jobs",
    "keys": "app.cli.keys",
    "queues": "app.cli.queues",
    "models": "app.cli.models",
    "probe": "app.cli.probe",
}


class _LazyGroup(click.Group):
    """Imports a subcommand's module when it is run, so that `caravan jobs` does not wait for gunicorn's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="llama-caravan", prog_name="caravan")
def main() -> None:
    """Serve local LLMs from a queue: an accepted job is never lost, and a stream never breaks."""
