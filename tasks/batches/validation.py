"""Validation of a batch's input: every line of it before any is run, in strokes that a clerk can stop between."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.batches.input_lines import Line, LineFault, Request, read

MOST_FAULTS = 100
"""Faults that are told of one by one."""
STROKE_LINES = 1000


@dataclass(slots=True)
class Verdict:
    """How many lines there are, and what is at fault with them."""

    total: int = 0
    num_faults: int = 0
    faults: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        """As a batch tells them."""
        more = self.num_faults - len(self.faults)
        fault = LineFault("too_many_errors", f"{more} more lines are at fault and not listed.")
        return [*self.faults, fault.to_wire(None)] if more else self.faults

    def blame(self, fault: LineFault, line: int | None) -> None:
        self.num_faults += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault.to_wire(line))


def validate(lines: Iterable[Line], *, endpoint: str, longest: int, models: Iterable[str]) -> Iterator[Verdict]:
    """The verdict so far after each stroke of lines; the last one is the whole.

    What is asked of a model is not judged here: a bad body fails its own line alone, when its turn comes.
    """
    verdict, known = Verdict(), frozenset(models)
    seen = sqlite3.connect("")  # on the disk, and removed with the connection: a million ids take no memory
    try:
        seen.execute("CREATE TABLE seen (id BLOB PRIMARY KEY) WITHOUT ROWID")
        for stroke in _strokes(lines):
            for line in stroke:
                verdict.total += 1
                try:
                    request = read(line, endpoint=endpoint, longest=longest)
                    _check_model(request, known)
                    _check_unique(request, seen)
                except LineFault as fault:
                    verdict.blame(fault, line.number)
            yield verdict
        if not verdict.total:
            verdict.blame(LineFault("empty_file", "The input file has no lines."), None)
        yield verdict
    finally:
        seen.close()


def _strokes(lines: Iterable[Line]) -> Iterator[list[Line]]:
    lines = iter(lines)
    while stroke := list(itertools.islice(lines, STROKE_LINES)):
        yield stroke


def _check_model(request: Request, known: frozenset[str]) -> None:
    model = request.body.get("model")
    there = f"There are: {', '.join(sorted(known))}." if known else "This key may use none."
    if model is None:
        raise LineFault("model_not_found", f"The body names no model. {there}", "body.model")
    if not isinstance(model, str) or model not in known:
        raise LineFault("model_not_found", f"There is no model '{str(model)[:80]}'. {there}", "body.model")


def _check_unique(request: Request, seen: sqlite3.Connection) -> None:
    # As bytes: what JSON can hold, lone surrogates among it, is not all a text of SQLite's.
    key = request.custom_id.encode("utf-8", "surrogatepass")
    if not seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount:
        raise LineFault(
            "duplicate_custom_id",
            f"The custom_id '{request.custom_id[:80]}' for this request is a duplicate of another request. "
            "The custom_id parameter must be unique for each request in a batch.",
            "custom_id",
        )
