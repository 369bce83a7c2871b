"""How commands list what a cluster has: a table that fits the screen, words where there is nothing, or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from app.cli.table import Column, screen_width, table, wrapped

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print a JSON array, with every value whole.")


def limit_option(things: str) -> Callable[[Command], Command]:
    """``--limit``: how many of these things a list has at most."""
    return click.option(
        "--limit", type=click.IntRange(1, 100), default=20, show_default=True, help=f"The most {things} to list."
    )


def show_list(
    found: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    row: Callable[[Mapping[str, Any]], Sequence[object]],
    *,
    nothing: str,
    as_json: bool,
) -> None:
    """Print what was found, a row each.

    Args:
        nothing: the sentence to print, without a head, where nothing was found.
        as_json: print an array of what was found, as it is, instead.
    """
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    width = screen_width()
    click.echo("\n".join(table(columns, [row(each) for each in found], width=width) or wrapped(nothing, width)))
