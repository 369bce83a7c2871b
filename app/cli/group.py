"""A group of commands whose help is whole at any width."""

from __future__ import annotations

import click

_WHOLE = 10_000


class Group(click.Group):
    """Lists each command with its whole first sentence, on several lines where it must; click cuts it to one."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, each.get_short_help_str(_WHOLE)) for name, each in found if each and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
