"""Whether a cluster may be reached from elsewhere."""

from __future__ import annotations

import click

from tasks.urls import is_loopback

insecure_option = click.option(
    "--insecure", is_flag=True, help="Bind an address that other machines can reach, although keys are off."
)


def refuse_exposure(host: str, *, keys: bool, insecure: bool) -> None:
    """Raise ClickException for an address that is not on loopback, unless keys are asked for there."""
    if keys or insecure or is_loopback(host):
        return
    raise click.ClickException(
        f"others can reach {host or 'every address of this machine'}, and without API keys they could use everything. "
        "Set CARAVAN_KEYS=true (see docs/security.md), or give --insecure."
    )
