"""A run that the server carries on: its rows are handed in as a batch, and this is remembered beside its journal.

The note is written before the batch is made, and once more with its id. If the command dies between the two, the next
start looks for the batch by the run's id, which the batch has in its metadata, so no row is handed in twice.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.bulk.batch_lines import endpoint, input_line
from app.bulk.errors import BulkError, as_bulk_error
from app.bulk.folder import Folder, replacing, sync_folder
from app.bulk.preparing import Asked
from caravan_client import AsyncClient
from tasks.errors import BatchConflict, BatchNotFound, JobConflict

NAME = "batch.json"
WINDOW = "30d"
"""The longest that there is: a run has no deadline either."""
RUN = "bulk_run"
"""The batch's metadata under which the run's id stands."""
PAGE = 100


@dataclass(frozen=True, slots=True)
class Note:
    """``batch.json`` in a run's folder: the run's id, and its batch's, which is None until the batch is known."""

    path: Path
    run_id: str
    batch_id: str | None = None

    @classmethod
    def read(cls, folder: Path) -> Note | None:
        """The note in a folder; None if there is none. Raises BulkError for one that cannot be read."""
        path = folder / NAME
        if not path.exists():
            return None
        with as_bulk_error(path, "read"):
            text = path.read_bytes()
        try:
            known = json.loads(text)
            return cls(path, known["run"], known["batch"])
        except (ValueError, KeyError, TypeError) as exc:
            raise BulkError(f"{path} cannot be read. Remove it to have the command ask all rows itself.") from exc

    def write(self) -> None:
        with as_bulk_error(self.path, "write"), replacing(self.path) as file:
            file.write(json.dumps({"run": self.run_id, "batch": self.batch_id}).encode())

    def remove(self) -> None:
        with as_bulk_error(self.path, "remove"):
            self.path.unlink(missing_ok=True)
            sync_folder(self.path.parent)


async def find(client: AsyncClient, folder: Path, run_id: str | None = None) -> str | None:
    """The batch that the note in a folder is about; None if there is none, and then the note goes as well.

    Args:
        run_id: of the run that the note has to be of; None for whichever it is.
    """
    note = Note.read(folder)
    if note is None:
        return None
    if run_id in (None, note.run_id):
        if note.batch_id is not None:
            return note.batch_id
        async for batch in _batches(client):
            if (batch["metadata"] or {}).get(RUN) == note.run_id and batch["status"] != "failed":
                replace(note, batch_id=batch["id"]).write()
                return str(batch["id"])
    note.remove()
    return None


async def hand_in(client: AsyncClient, folder: Folder, rows: Iterable[Asked], *, raw: bool) -> str | None:
    """Make a batch of the rows that have no answer; its id. None if all have one: then there is no batch."""
    lines = folder.path / "batch.jsonl"
    with as_bulk_error(lines, "write"):
        if not _write(lines, rows, raw=raw):
            return None
    note = Note(folder.path / NAME, folder.run_id)
    note.write()
    with as_bulk_error(lines, "read"), lines.open("rb") as content:
        file = await client.upload_file(content, name=f"bulk-{folder.run_id}.jsonl")
    asked = {
        "input_file_id": file["id"],
        "endpoint": endpoint(raw=raw),
        "completion_window": WINDOW,
        "metadata": {RUN: folder.run_id},
    }
    batch = await client.call("POST", "/v1/batches", body=asked)
    replace(note, batch_id=batch["id"]).write()
    lines.unlink(missing_ok=True)
    return str(batch["id"])


async def withdraw(client: AsyncClient, folder: Path, *, answers_go: bool) -> str | None:
    """Cancel the batch that the note in a folder is about, and remove the note; the batch's id, if one was cancelled.

    Raises BulkError if the batch has answers, which nobody has fetched, unless `answers_go`.
    """
    batch_id, cancelled = await find(client, folder), False
    if batch_id is None:
        return None
    with contextlib.suppress(BatchNotFound, BatchConflict, JobConflict):
        if not answers_go:
            _check(await client.call("GET", f"/v1/batches/{batch_id}"))
        await client.call("POST", f"/v1/batches/{batch_id}/cancel", again=True)
        cancelled = True
    forget(folder)
    return batch_id if cancelled else None


def _check(batch: dict[str, Any]) -> None:
    if answered := batch["progress"]["answered"]:
        raise BulkError(
            f"The run has handed its rows in as the batch {batch['id']}, which has answered {answered} of them. Fetch "
            "these answers with the earlier command, without --no-wait and --retry-failed. Or give --restart to "
            "discard them, or another -o."
        )


def forget(folder: Path) -> None:
    """Remove the note in a folder: the command asks the rows itself, or hands them in again."""
    note = Note.read(folder)
    if note is not None:
        note.remove()


def _write(path: Path, rows: Iterable[Asked], *, raw: bool) -> int:
    """Write the lines of those rows that have no answer; how many they are."""
    num_lines = 0
    with path.open("wb") as file:
        for asked in rows:
            if asked.answer is None:
                file.write(input_line(asked.number, asked.body, raw=raw))
                num_lines += 1
    return num_lines


async def _batches(client: AsyncClient) -> AsyncIterator[dict[str, Any]]:
    """The caller's batches, newest first."""
    params = {"limit": str(PAGE)}
    while True:
        page = await client.call("GET", "/v1/batches", params=params)
        for batch in page["data"]:
            yield batch
        if not page["has_more"]:
            return
        params = {"limit": str(PAGE), "after": page["data"][-1]["id"]}
