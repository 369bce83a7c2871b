"""The end of a run: the input's rows and their answers become the output, and the file of those that failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pyarrow as pa

from app.bulk import outputs
from app.bulk.answer import Answer
from app.bulk.columns import FAILURE, AnswerColumns, failure
from app.bulk.errors import BulkError, as_bulk_error
from app.bulk.folder import replacing, sync_folder
from app.bulk.row_groups import Chunk


def failures_path(output: Path) -> Path:
    """The file of the rows that failed: ``out.failed.csv`` beside ``out.csv``."""
    return output.with_name(f"{output.stem}.failed{output.suffix}")


def assemble(
    chunks: Iterable[Chunk],
    answers: Iterator[Answer],
    *,
    schema: pa.Schema,
    columns: AnswerColumns,
    output: Path,
    folder: Path,
    num_failed: int,
) -> None:
    """Write the output and the failures, each whole or not at all; the failures first, so that the output is the end.

    Args:
        schema: of the input's columns.
        folder: where the files are made, on the same disk.
    """
    failed = failures_path(output)
    with as_bulk_error(output, "write"), ExitStack() as stack:
        write = _Split(
            outputs.writer(output, stack.enter_context(replacing(output, folder)), schema, columns.schema),
            None
            if not num_failed
            else outputs.writer(failed, stack.enter_context(replacing(failed, folder)), schema, FAILURE),
            columns,
        )
        try:
            for chunk in chunks:
                write(chunk, list(islice(answers, len(chunk))))
            write.end()
        except pa.ArrowException as exc:
            raise BulkError(f"Cannot write {output}: {exc}.") from exc
    if not num_failed:
        with as_bulk_error(failed, "remove"):
            failed.unlink(missing_ok=True)
            sync_folder(failed.parent)


class _Split:
    """Rows that were answered to the one writer, rows that failed to the other."""

    def __init__(self, good: outputs.Writer, bad: outputs.Writer | None, columns: AnswerColumns) -> None:
        self._good, self._bad, self._columns = good, bad, columns

    def __call__(self, chunk: Chunk, answers: Sequence[Answer]) -> None:
        bad = [index for index, answer in enumerate(answers) if answer.failed]
        if bad:
            assert self._bad is not None, "failures were counted"
            self._bad.write(chunk.take(bad), [failure(answers[index]) for index in bad])
        good = [index for index, answer in enumerate(answers) if not answer.failed]
        if good:
            rows = chunk.take(good) if bad else chunk
            self._good.write(rows, [self._columns.values(answers[index]) for index in good])

    def end(self) -> None:
        self._good.end()
        if self._bad is not None:
            self._bad.end()
