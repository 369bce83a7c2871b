"""From the rows of a run to what is to be asked: a body, or an answer that is there already."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from app.bulk.answer import Answer
from app.bulk.asking import Question, RowError
from app.bulk.row_groups import Row
from tasks.rows.dedup import fingerprint, question
from tasks.rows.prefix_order import beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A row on its way: its body, or why there is none.

    Args:
        asks: the mark of what is asked.
        key: by which rows that ask the same are found; None if this one is asked by itself.
        answer: that of a row that is not asked.
        kept: whether that one was there before the run.
    """

    number: int
    body: dict[str, Any] = field(default_factory=dict)
    asks: str = ""
    key: bytes | None = None
    answer: Answer | None = None
    kept: bool = False

    @property
    def begins(self) -> str:
        return beginning(self.body)


def mark(asks: Question, row: Row) -> str:
    """What a row asks, as `Answer.asks` has it."""
    try:
        return _text(fingerprint(asks.body(row)))
    except RowError:
        return ""


def _text(fingerprint: bytes) -> str:
    """In the 16 characters that each answer is kept with."""
    return base64.urlsafe_b64encode(fingerprint[:12]).decode()


def prepared(
    asks: Question, rows: Iterator[Row], *, first: int, kept: Iterator[Answer], dedup: bool
) -> Iterator[Asked]:
    """The rows from number `first` on. `kept` are answers to them that may be there already, in their order."""
    for number, row in enumerate(rows, first):
        old = next(kept, None)
        yield (old and _known(number, old)) or _prepared(asks, number, row, old=old, dedup=dedup)


def _known(number: int, old: Answer) -> Asked | None:
    return Asked(number=number, answer=old, kept=True) if old.fixed else None


def _prepared(asks: Question, number: int, row: Row, *, old: Answer | None, dedup: bool) -> Asked:
    try:
        body = asks.body(row)
    except RowError as exc:
        return Asked(number=number, answer=Answer(code=exc.code, message=str(exc)))
    key = question(body) if dedup else None
    asked = _text(key or fingerprint(body))
    if old is not None and old.asks == asked:
        return Asked(number=number, answer=replace(old, fixed=False), kept=True)
    return Asked(number=number, body=body, asks=asked, key=key)
