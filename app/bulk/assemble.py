"""The end of a run: the input's rows and their answers become the output, and the file of those that failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pyarrow as pa

from app.bulk import outputs
from app.bulk.answer import Answer
from app.bulk.column_types import NO_TYPE
from app.bulk.columns import AnswerColumns, failure, failure_columns
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
    names: Sequence[str],
    schema: pa.Schema | None,
    columns: AnswerColumns,
    output: Path,
    folder: Path,
    num_failed: int,
) -> None:
    """Write the output and the failures, each whole or not at all; the failures first, so that the output is the end.

    Args:
        names: of the input's columns that are written.
        schema: their types, for an output that needs them.
        folder: where the files are made, on the same disk.
    """
    failed, why = failures_path(output), failure_columns(names)
    with as_bulk_error(output, "write", resumes=True), ExitStack() as stack:
        try:
            good = outputs.writer(output, stack.enter_context(replacing(output, folder)), names, schema, columns.schema)
            bad = None
            if num_failed:
                bad = outputs.writer(failed, stack.enter_context(replacing(failed, folder)), names, schema, why)
            write = _Split(good, bad, columns, why)
            for chunk in chunks:
                write(chunk, list(islice(answers, len(chunk))))
            write.end()
        except OSError:
            raise
        except NO_TYPE as exc:
            raise BulkError(f"Cannot write {output}: {exc}. The answers are kept in {folder}.") from exc
    if not num_failed:
        with as_bulk_error(failed, "remove", resumes=True):
            failed.unlink(missing_ok=True)
            sync_folder(failed.parent)


class _Split:
    """Rows that were answered to the one writer, rows that failed to the other."""

    def __init__(
        self, good: outputs.Writer, bad: outputs.Writer | None, columns: AnswerColumns, why: pa.Schema
    ) -> None:
        self._good, self._bad, self._columns, self._why = good, bad, columns, why

    def __call__(self, chunk: Chunk, answers: Sequence[Answer]) -> None:
        bad = [index for index, answer in enumerate(answers) if answer.failed]
        if bad:
            assert self._bad is not None, "failures were counted"
            self._bad.write(chunk.take(bad), [failure(answers[index], self._why) for index in bad])
        good = [index for index, answer in enumerate(answers) if not answer.failed]
        if good:
            rows = chunk.take(good) if bad else chunk
            self._good.write(rows, [self._columns.values(answers[index]) for index in good])

    def end(self) -> None:
        self._good.end()
        if self._bad is not None:
            self._bad.end()
