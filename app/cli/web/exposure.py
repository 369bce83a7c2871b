"""Whether a cluster may be reached from elsewhere."""

from __future__ import annotations

import click

from tasks.urls import is_loopback

insecure_option = click.option(
    "--insecure", is_flag=True, help="Bind an address that others reach, though no keys are asked for."
)


def refuse_exposure(host: str, *, keys: bool, insecure: bool) -> None:
    """Raise ClickException for an address that is not on loopback, unless keys are asked for there."""
    if keys or insecure or is_loopback(host):
        return
    raise click.ClickException(
        f"{host or 'every address'} can be reached by others, and no API keys are asked for: whoever gets there may "
        "use everything. Set CARAVAN_KEYS=true (see docs/security.md), or say --insecure."
    )
