"""The answers of a batch that a run has handed in, on their way into its journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Any

from app.bulk.answer import Answer
from app.bulk.asking import RowError
from app.bulk.batch_lines import output_line
from app.bulk.columns import AnswerColumns
from app.bulk.errors import BulkError, Refused
from app.bulk.journal import Journal
from app.bulk.preparing import Asked
from app.bulk.report import Report
from app.bulk.state import State
from caravan_client import AsyncClient

ENDED = ("completed", "failed", "expired", "cancelled")
LOOK_SECONDS = 1.0
CHECK_LOOKS = 10
"""At a batch whose lines the server checks, before the command leaves all the same."""
PART_BYTES = 1 << 22
MANY_ROWS = 512
"""Rows whose answers are written down at once."""

Lines = AsyncIterator[tuple[int, Answer]]


class BatchRefused(Refused):
    """Raised when the server has found the batch at fault, and has run no line of it."""


async def until_checked(client: AsyncClient, batch_id: str) -> dict[str, Any]:
    """The batch, once the server has checked its lines, or has taken long. Raises BatchRefused."""
    for _ in range(CHECK_LOOKS):
        batch: dict[str, Any] = await client.call("GET", f"/v1/batches/{batch_id}")
        if batch["status"] == "failed":
            raise BatchRefused(_why(batch))
        if batch["status"] != "validating":
            break
        await asyncio.sleep(LOOK_SECONDS)
    return batch


async def until_ended(client: AsyncClient, batch_id: str, report: Report, *, first: int, total: int) -> dict[str, Any]:
    """Wait for a batch's end and tell how it goes on; the batch. Raises BatchRefused.

    Args:
        first: rows that have their answers already.
        total: all rows, also those that are not in the batch.
    """
    told = ""
    while True:
        batch: dict[str, Any] = await client.call("GET", f"/v1/batches/{batch_id}")
        answered, tokens = batch["progress"]["answered"], batch["usage"]["total_tokens"]
        counts = batch["request_counts"]
        others = total - counts["total"] if counts["total"] else first
        report.show(State(others + answered, total, counts["failed"], tokens))
        if batch["status"] == "failed":
            raise BatchRefused(_why(batch))
        if batch["status"] in ENDED:
            return batch
        if (waits := _waits(batch)) != told:
            told = waits
            if waits:
                report.say(waits)
        await asyncio.sleep(LOOK_SECONDS)


async def collect(client: AsyncClient, batch: dict[str, Any], rows: Iterable[Asked], gather: Gatherer) -> None:
    """Write the answers to rows, the first ones that the journal does not have, into the journal."""
    lines = _Merged([_lines(client, batch[name]) for name in ("output_file_id", "error_file_id") if batch[name]])
    held: list[Answer] = []
    for asked in rows:
        held.append(asked.answer or gather.checked(await lines.answer(asked.number), asked))
        if len(held) == MANY_ROWS:
            await gather.keep(held)
            held = []
    if held:
        await gather.keep(held)


async def remove_files(client: AsyncClient, batch: dict[str, Any]) -> None:
    """Delete what the batch has on the server: what was written down is not needed there."""
    for name in ("input_file_id", "output_file_id", "error_file_id"):
        if batch[name]:
            await client.call("DELETE", f"/v1/files/{batch[name]}")


@dataclass(frozen=True, slots=True)
class Gatherer:
    """What becomes of the answers."""

    journal: Journal
    columns: AnswerColumns

    def checked(self, answer: Answer, asked: Asked) -> Answer:
        """An answer that fits its columns, or why it does not; with the mark of what was asked."""
        try:
            if not answer.failed:
                self.columns.check(answer)
        except RowError as exc:
            answer = Answer(code=exc.code, message=str(exc))
        return replace(answer, asks=asked.asks)

    async def keep(self, answers: list[Answer]) -> None:
        await asyncio.to_thread(self.journal.append, self.journal.tally.num_rows, answers)


class _Merged:
    """Lines of several files, each in the order of its rows, by their rows."""

    def __init__(self, files: list[Lines]) -> None:
        self._files = files
        self._next: dict[int, tuple[Answer, Lines]] | None = None

    async def answer(self, number: int) -> Answer:
        """The answer to a row that comes after those asked for earlier. Raises BulkError if there is none."""
        if self._next is None:
            self._next = {}
            for file in self._files:
                await self._read(file, number)
        found = self._next.pop(number, None)
        if found is None:
            raise BulkError(f"The batch has no line for row {number + 1}. --restart begins anew.")
        await self._read(found[1], number)
        return found[0]

    async def _read(self, file: Lines, number: int) -> None:
        """Read on in a file, to the first line of this row or a later one."""
        assert self._next is not None
        async for row, answer in file:
            if row >= number:
                self._next[row] = (answer, file)
                return


async def _lines(client: AsyncClient, file_id: str) -> Lines:
    """A file's lines, read in parts: a part that breaks off is asked for again."""
    size, begin, rest = (await client.call("GET", f"/v1/files/{file_id}"))["bytes"], 0, b""
    while begin < size:
        part = await client.read_file(file_id, begin=begin, size=min(PART_BYTES, size - begin))
        begin += len(part)
        *whole, rest = (rest + part).split(b"\n")
        for text in whole:
            yield output_line(text)


def _waits(batch: dict[str, Any]) -> str:
    """What a batch waits for, if that is known."""
    if batch["paused_at"]:
        return f"The batch is paused. `caravan batches resume {batch['id']}` ends that."
    stalled = batch["progress"]["stalled"]
    return str(stalled["message"]) if stalled else ""


def _why(batch: dict[str, Any]) -> str:
    errors = batch["errors"]["data"] if batch["errors"] else []
    first = f": line {errors[0]['line']}: {errors[0]['message'].rstrip('.')}" if errors else ""
    return f"The server has refused the batch and run no row{first}. The next run hands in, or asks, all of them again."
