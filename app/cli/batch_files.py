"""A batch's input on its way to the server, and its output on its way back."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, BinaryIO

import click

from app.bulk.folder import replacing
from caravan_client import Client
from caravan_client.errors import ServerAway
from tasks.errors import CaravanError

NAMES = ("custom_id", "method", "url", "body")
PART_BYTES = 1 << 22
FORM = "A batch file has a line of JSON for each request; for the rows of a data set, use `caravan bulk run`."


def endpoint_of(path: Path) -> str:
    """The endpoint that all lines of a file name. Raises ClickException for a file that is no batch's, with the line.

    The server judges the rest: models, bodies, and ids that come twice.
    """
    endpoint = None
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, 1):
                text = text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text
                if not text.strip():
                    continue
                url = _url(text, where=f"{path}, line {number},")
                endpoint = endpoint or url
                if url != endpoint:
                    raise click.ClickException(
                        f"{path}, line {number}, has the url {url!r}, and the lines before it {endpoint!r}. "
                        "Make a batch for each."
                    )
    except OSError as exc:
        raise click.ClickException(f"Cannot read {path}: {exc.strerror or exc}.") from exc
    if endpoint is None:
        raise click.ClickException(f"{path} is empty. {FORM}")
    return endpoint


def _url(text: bytes, *, where: str) -> str:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise click.ClickException(f"{where} is not JSON. {FORM}") from exc
    if not isinstance(line, dict):
        raise click.ClickException(f"{where} is not a JSON object. {FORM}")
    if missing := [name for name in NAMES if name not in line]:
        raise click.ClickException(f"{where} lacks {', '.join(missing)}. {FORM}")
    if not isinstance(line["url"], str):
        raise click.ClickException(f"{where} has a url that is no text.")
    return line["url"]


def create(api: Client, path: Path, *, endpoint: str, window: str) -> dict[str, Any]:
    """Upload a file and make a batch of it. A file of which no batch could be made is deleted again."""
    with path.open("rb") as content:
        file = api.upload_file(content, name=path.name)
    asked = {"input_file_id": file["id"], "endpoint": endpoint, "completion_window": window}
    try:
        batch: dict[str, Any] = api.call("POST", "/v1/batches", body=asked)
    except ServerAway as exc:
        raise click.ClickException(
            f"{exc.message} The batch may have been made: look at `caravan batches status` before you make it again."
        ) from exc
    except CaravanError as exc:
        if 400 <= exc.http_status < 500:
            with contextlib.suppress(CaravanError):
                api.call("DELETE", f"/v1/files/{file['id']}")
        if exc.param == "completion_window":
            raise click.UsageError(exc.message.replace("completion_window", "--window")) from exc
        raise
    return batch


def fetch(api: Client, batch: dict[str, Any], output: Path) -> None:
    """Write a batch's output to a file, and its failed lines to one beside it; each is there whole or not at all."""
    for name, path in (("error_file_id", errors_path(output)), ("output_file_id", output)):
        if batch[name] is None and path is not output:
            path.unlink(missing_ok=True)
            continue
        try:
            with replacing(path) as file:
                if batch[name] is not None:
                    copy(api, batch[name], file)
        except OSError as exc:
            raise click.ClickException(f"Cannot write {path}: {exc.strerror or exc}.") from exc
        click.echo(str(path), err=True)


def errors_path(output: Path) -> Path:
    """``out.errors.jsonl`` beside ``out.jsonl``."""
    return output.with_name(f"{output.stem}.errors{output.suffix}")


def copy(api: Client, file_id: str, target: BinaryIO) -> None:
    """Write what a file on the server has now, in parts: a part that breaks off is asked for again."""
    size, begin = api.call("GET", f"/v1/files/{file_id}")["bytes"], 0
    while begin < size:
        part = api.read_file(file_id, begin=begin, size=min(PART_BYTES, size - begin))
        target.write(part)
        begin += len(part)
