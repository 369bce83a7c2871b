"""What the commands ask of a running cluster, over HTTP."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import httpx

API_TIMEOUT_SECONDS = 75.0
POLL_SECONDS = 30
RETRY_SECONDS = 1.0
GIVE_UP_SECONDS = 300.0

url_option = click.option(
    "--url", envvar="CARAVAN_URL", default="http://127.0.0.1:8000", show_default=True, help="Where the cluster is."
)

key_option = click.option(
    "--api-key", envvar="CARAVAN_API_KEY", help="The key to call with. Better in CARAVAN_API_KEY: all can see options."
)


def with_api(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a cluster, and the cluster itself as its argument ``api``."""

    @url_option
    @key_option
    @functools.wraps(function)
    def call(*args: Any, url: str, api_key: str | None, **options: Any) -> None:
        function(*args, api=Api(url, api_key), **options)

    return call


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """One event of a job's stream."""

    id: str
    event: str
    data: dict[str, Any]


class Api:
    """A cluster's HTTP interface. Errors become click's, with the server's own sentence."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=url, timeout=API_TIMEOUT_SECONDS, headers=headers)
        self._url = url

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The JSON that a call answers with."""
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as exc:
            raise click.ClickException(f"{self._url} does not answer: {exc}") from exc
        _check(response)
        body: dict[str, Any] = response.json()
        return body

    def only_model(self) -> str:
        """The server's model, if it has one alone."""
        models = [model["id"] for model in self.call("GET", "/v1/models")["data"]]
        if len(models) != 1:
            raise click.UsageError(f"Say which model with --model: {', '.join(models)}.")
        return str(models[0])

    def wait(self, job_id: str) -> dict[str, Any]:
        """The job when it has ended, however long that takes."""
        while True:
            job = self.call("GET", f"/jobs/{job_id}", params={"wait": POLL_SECONDS})
            if job["finished_at"] is not None:
                return job

    def events(self, job_id: str, after: str = "") -> Iterator[StreamedEvent]:
        """A job's events to its end; a connection that breaks is made again, and goes on after the last event."""
        silent_since = time.monotonic()
        while True:
            try:
                for event in self._events_once(job_id, after):
                    after, silent_since = event.id, time.monotonic()
                    yield event
                    if event.event == "done":
                        return
                return
            except httpx.HTTPError as exc:
                if time.monotonic() - silent_since > GIVE_UP_SECONDS:
                    raise click.ClickException(f"{self._url} does not answer: {exc}") from exc
                time.sleep(RETRY_SECONDS)

    def _events_once(self, job_id: str, after: str) -> Iterator[StreamedEvent]:
        headers = {"Last-Event-ID": after} if after else {}
        with self._http.stream("GET", f"/jobs/{job_id}/events", headers=headers) as response:
            if response.status_code >= 500:
                raise httpx.HTTPStatusError("the server is not ready", request=response.request, response=response)
            if response.status_code == 204:
                return
            if response.is_error:
                response.read()
                _check(response)
            yield from _parse(response.iter_lines())
        raise httpx.ReadError("the stream ended before the job did")


def _parse(lines: Iterator[str]) -> Iterator[StreamedEvent]:
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields:
                yield StreamedEvent(fields.get("id", ""), fields.get("event", ""), json.loads(fields["data"]))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


def _check(response: httpx.Response) -> None:
    if not response.is_error:
        return
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = f"the server answered {response.status_code}"
    raise click.ClickException(message)
