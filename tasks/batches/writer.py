"""What a run writes: lines to the disk first, then how far it has come to Redis, in one script."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import asdict, replace

from tasks.batches.batch import Batch, BatchStatus, Checkpoint, OutputFile, Speed
from tasks.batches.output_lines import ResultLine
from tasks.batches.store import BatchStore
from tasks.files.folder import Folder, Writer
from tasks.files.record import encode_parts


class Lost(Exception):
    """Raised when a batch is another clerk's."""


class OutputWriter:
    """Appends a batch's lines to parts of this run's own, and commits them.

    A part is named by the run's fence, so a clerk that was taken for dead writes where nobody reads. What a commit
    does not count is not there: a reader never sees half a line.
    """

    def __init__(self, store: BatchStore, folder: Folder, batch: Batch) -> None:
        self.batch = batch
        """As Redis has it."""
        self._store = store
        self._folder = folder
        self._fence = batch.fence
        self._writers: dict[str, Writer] = {}
        self._checkpoint = Checkpoint.decode(batch.checkpoint)
        self._counts = batch.counts
        self._pending: Batch | None = None

    @property
    def dirty(self) -> bool:
        """Whether there is something to be committed."""
        return self._pending is not None or self._checkpoint.encode() != (
            self.batch.checkpoint or Checkpoint().encode()
        )

    @property
    def takes_more(self) -> bool:
        """Not while it is not known whether the last commit was taken."""
        return self._pending is None

    def add(self, line: ResultLine, after: Checkpoint) -> None:
        """Append a line; raises OSError when the disk fails or is full, and then nothing more can be added."""
        file = self.batch.error if line.failed else self.batch.output
        if file.id not in self._writers:
            self._writers[file.id] = self._folder.create(file.id, self._fence)
        self._writers[file.id].write(line.text)
        self._counts = self._counts + line.counts
        self._checkpoint = after

    def commit(self) -> None:
        """Have all that was added count.

        Raises Lost, OSError when the disk fails or is full or the owner may store no more, and redis-py's errors, after
        which it is to be called again.
        """
        if self._pending is None:
            for writer in self._writers.values():
                writer.sync()
            self._pending = replace(
                self.batch,
                checkpoint=self._checkpoint.encode(),
                counts=self._counts,
                output=self._with_written(self.batch.output),
                error=self._with_written(self.batch.error),
                stalled="",
            )
        written, grown = self._pending, list[tuple[OutputFile, str]]()
        for file, before, kind in (
            (written.output, self.batch.output, "output"),
            (written.error, self.batch.error, "error"),
        ):
            if file.bytes > before.bytes:
                grown.append((file, f"{self.batch.id}_{kind}.jsonl"))
        verdict = self._store.write(self.batch, _fields(written), files=grown)
        if verdict == "lost":
            raise Lost
        if verdict == "full":
            self._pending = None
            raise OSError(errno.EDQUOT, f"the files of {self.batch.owner} have as many bytes as they may have")
        if verdict != "ok":
            written = replace(written, status=BatchStatus(verdict))
            if self._store.write(replace(self.batch, status=written.status), _fields(written), files=grown) != "ok":
                raise Lost
        self.batch, self._pending = written, None

    def move(self, status: BatchStatus, fields: Mapping[str, str | int | float] | None = None) -> bool:
        """Give the batch its next status; whether it was not cancelled meanwhile. Raises Lost."""
        verdict = self._store.write(self.batch, fields or {}, status=status)
        if verdict == "lost":
            raise Lost
        self.batch = replace(self.batch, status=BatchStatus(status if verdict == "ok" else verdict))
        return self.batch.status is status

    def tell(self, speed: Speed, answered: int) -> None:
        """Say how it goes on: how fast, and how many lines have their answer, written or not."""
        fields = {"lines_a_second": round(speed.lines, 3), "tokens_a_second": round(speed.tokens, 3)}
        self._store.write(self.batch, {**fields, "answered": answered})

    def note(self, stalled: str) -> None:
        """Say why the batch stands still."""
        self._store.write(self.batch, {"stalled": stalled})

    def close(self) -> None:
        """Close the parts; those of which nothing was committed are removed."""
        counted = {part.name for file in (self.batch.output, self.batch.error) for part in file.parts}
        for writer in self._writers.values():
            if writer.part.name in counted or self._pending is not None:
                writer.close()
            else:
                writer.discard()

    def _with_written(self, file: OutputFile) -> OutputFile:
        writer = self._writers.get(file.id)
        if writer is None:
            return file
        return replace(file, parts=(*(part for part in file.parts if part.name != writer.part.name), writer.part))


def _fields(batch: Batch) -> dict[str, str | int | float]:
    return {
        "place": batch.checkpoint,
        **asdict(batch.counts),
        "output_parts": encode_parts(batch.output.parts),
        "error_parts": encode_parts(batch.error.parts),
        "stalled": batch.stalled,
    }
