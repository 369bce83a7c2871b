"""The order in which rows are run: those that begin alike next to each other, so that the engine computes that once."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")

MOST_ROWS = 1024
MOST_CHARS = 16 << 20


class PrefixOrder(Generic[Row]):
    """Reads rows a block at a time and gives each block's in the order of how they begin.

    In blocks, and not by always giving the least row of a buffer: that would let a row wait until the end of the rows,
    and with it all answers behind it. A block's last rows are given before anything of the next one is read.

    Args:
        rows: what is to be run, in the order of its input.
        begins: how a row begins, see `beginning`.
        most_rows, most_chars: of a block; one row is read whatever its size.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        begins: Callable[[Row], str],
        *,
        most_rows: int = MOST_ROWS,
        most_chars: int = MOST_CHARS,
    ) -> None:
        self._rows = iter(rows)
        self._begins = begins
        self._most_rows = most_rows
        self._most_chars = most_chars
        self._block: deque[Row] = deque()
        self.num_read = 0

    @property
    def reads_next(self) -> bool:
        """Whether the next row comes of a new block, which is read then.

        To bound what is held, wait here until few enough of the rows that were read have an answer: they all have
        been given, so that each answer is certain to come.
        """
        return not self._block

    def take(self) -> Row | None:
        """The next row to run; None if there is none any more."""
        if not self._block:
            self._read()
        return self._block.popleft() if self._block else None

    def _read(self) -> None:
        block: list[tuple[str, Row]] = []
        chars = 0
        for row in self._rows:
            text = self._begins(row)
            block.append((text, row))
            chars += len(text)
            if len(block) >= self._most_rows or chars >= self._most_chars:
                break
        self.num_read += len(block)
        block.sort(key=lambda each: each[0])  # stable: rows that are alike keep their order
        self._block.extend(row for _, row in block)


def beginning(body: Mapping[str, Any]) -> str:
    """How a request body begins, as a model reads it: prompts share a beginning as far as these texts do."""
    parts = [body.get("tools"), body.get("messages", body.get("prompt", body.get("input")))]
    return "\n".join(part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts if part)
