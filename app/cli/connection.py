"""What the commands ask of a running cluster, over HTTP."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import click

from app.cli.waits import Waits
from caravan_client import Client
from caravan_client.errors import ServerAway
from caravan_client.exchange import Patience
from tasks.errors import AuthenticationFailed, CaravanError
from tasks.urls import is_loopback, without_password

Words = Callable[[CaravanError], str]
"""How a command tells of an error."""

PATIENT_SECONDS = 300.0
TRYING = f"Trying again for {PATIENT_SECONDS / 60:.0f} minutes."

url_option = click.option(
    "--url", envvar="CARAVAN_URL", default="http://127.0.0.1:8000", show_default=True, help="The cluster's address."
)

key_option = click.option(
    "--api-key", envvar="CARAVAN_API_KEY", help="The API key. Prefer CARAVAN_API_KEY: process lists show options."
)


def with_api(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a cluster, and the cluster itself as its argument ``api``."""
    return _with(function, lambda _words: Patience(0.0))


def with_patient_api(function: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that waits for something: it waits while the cluster is away as well."""
    return _with(function, lambda words: Patience(PATIENT_SECONDS, on_wait=Waits(TRYING, told_at=1, words=words)))


@contextmanager
def cluster(url: str, api_key: str | None, patience: Patience | None = None) -> Iterator[Client]:
    """A cluster. Its errors become click's."""
    try:
        with Client(url, api_key, patience=patience or Patience(0.0)) as client:
            yield client
    except CaravanError as exc:
        raise click.ClickException(in_words(exc, url, api_key)) from exc


def in_words(error: CaravanError, url: str, api_key: str | None) -> str:
    """What an error says to who uses the command: the server's own words, and the command's where it is at fault."""
    where = without_password(url)
    if isinstance(error, AuthenticationFailed):
        if api_key:
            return f"{where} refuses this API key. {error.message} Give another by --api-key or CARAVAN_API_KEY."
        return f"{where} asks for an API key: give one by --api-key or CARAVAN_API_KEY."
    is_anothers = type(error) is CaravanError  # an answer that is not Caravan's
    if is_anothers or isinstance(error, ServerAway):
        why = f"{where}: {error.message}" if is_anothers else error.message
        start = "start a cluster with `caravan up`, or " if is_loopback(urlsplit(url).hostname or "") else ""
        return f"{why.rstrip('.')}; {start}give the address of yours by --url or CARAVAN_URL."
    return error.message


def waits_of(api: Client) -> Waits:
    """What tells of the cluster's absences; it prints the answer, so that both have lines of their own."""
    on_wait = api.calls.patience.on_wait
    return on_wait if isinstance(on_wait, Waits) else Waits(TRYING)


def _with(function: Callable[..., None], patience: Callable[[Words], Patience]) -> Callable[..., None]:
    @url_option
    @key_option
    @functools.wraps(function)
    def call(*args: Any, url: str, api_key: str | None, **options: Any) -> None:
        with cluster(url, api_key, patience(lambda error: in_words(error, url, api_key))) as api:
            function(*args, api=api, **options)

    return call
