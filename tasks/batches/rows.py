"""The rows of a batch, read from its input as they are needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.batches.batch import Batch, Checkpoint
from tasks.batches.input_lines import Line, LineFault, read, split
from tasks.batches.output_lines import ResultLine, copied
from tasks.files.record import File
from tasks.files.store import FileStore


@dataclass(slots=True)
class Row:
    """A line that is to be answered. `result` is its line of output, where that is known without running it.

    ``after`` is the place of a batch that has collected it.
    """

    number: int
    job_id: str
    custom_id: str
    body: Mapping[str, Any]
    after: Checkpoint
    result: ResultLine | None = None
    key: bytes | None = field(default=None, repr=False)


class Earlier:
    """The output that failed lines are run again beside: its lines are in the order of the input, some are missing."""

    def __init__(self, pieces: Iterator[bytes], offset: int) -> None:
        self._lines = split(pieces, number=1, offset=offset, longest=1 << 62)
        self._offset = offset
        self._next: Line | None = None
        self._custom_id: str | None = None
        self._step()

    def take(self, custom_id: str) -> tuple[ResultLine | None, int]:
        """The line of a request, if it is there, and where the next one begins."""
        if self._next is None or self._custom_id != custom_id:
            return None, self._offset
        assert self._next.text is not None
        result, self._offset = copied(self._next.text), self._next.end
        self._step()
        return result, self._offset

    def _step(self) -> None:
        self._next = next(self._lines, None)
        self._custom_id = json.loads(self._next.text)["custom_id"] if self._next and self._next.text else None


def lines(files: FileStore, file: File, checkpoint: Checkpoint, *, longest: int) -> Iterator[Line]:
    """The lines of an input from a place on."""
    return split(files.read(file, checkpoint.offset), number=checkpoint.line, offset=checkpoint.offset, longest=longest)


def rows(files: FileStore, batch: Batch, *, longest: int) -> Iterator[Row]:
    """The rows of a batch that are not collected yet. Raises OSError if its input is gone."""
    checkpoint = Checkpoint.decode(batch.checkpoint)
    file = files.get(batch.input_file_id)
    if file is None:
        raise FileNotFoundError(f"the input {batch.input_file_id} is gone")
    earlier = _earlier(files, batch, checkpoint)
    for number, line in enumerate(lines(files, file, checkpoint, longest=longest), checkpoint.row):
        try:
            request = read(line, endpoint=batch.endpoint, longest=longest)
        except LineFault as fault:  # it was read without one when the input was validated
            raise OSError(f"line {line.number} of {batch.input_file_id} has changed: {fault}") from fault
        result, offset = earlier.take(request.custom_id)
        after = Checkpoint(number + 1, line.number + 1, line.end, offset)
        yield Row(number, batch.job_id(number), request.custom_id, request.body, after, result)


def _earlier(files: FileStore, batch: Batch, checkpoint: Checkpoint) -> Earlier:
    file = files.get(batch.earlier_output) if batch.earlier_output else None
    if file is None:
        if batch.earlier_output:
            raise FileNotFoundError(f"the earlier output {batch.earlier_output} is gone")
        return Earlier(iter(()), checkpoint.earlier)
    return Earlier(files.read(file, checkpoint.earlier), checkpoint.earlier)
