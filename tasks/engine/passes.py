"""On the CPU, which rows of a batch go through the model together, and with how many rows that only fill up.

Two properties of ggml's CPU backend are behind this (docs/engine.md has the figures):

- Flash attention works row by row, or from 64 rows on in tiles of 64 rows by 64 cells, which are computed whole if any
  of the rows looks at any of the cells. Decoding sequences beside a chunk of a prompt make every tile dense. Apart they
  lose nothing: from 16 rows on, the CPU is bound by arithmetic and not by reading the weights.
- The matrix kernels take rows by 16 (with AVX-512) and by 4; a row left over costs as much as half of four. So 15 rows
  take longer than 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.engine.backend import Row
from tasks.engine.pace import LEAST_TOKENS

TILE_ROWS = 64
"""`GGML_FA_TILE_Q`: with so many rows, attention is computed in tiles."""
QUAD_ROWS = 4
_BLOCK_COST, _QUAD_COST, _SINGLE_COST = 9, 4, 2
"""What 16, 4 and 1 rows cost beside each other, measured on Q4_0."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Rows that run together, by their index in the batch, and how many are to be added that nobody needs."""

    indices: list[int]
    padding: int


def split(rows: Sequence[Row], *, block_rows: int) -> list[Pass]:
    """The passes of a batch, in the order to be run. All rows whose logits are wanted are in the last one.

    Args:
        block_rows: rows that the kernels take at once.
    """
    if len(rows) < TILE_ROWS:
        return [_pass(range(len(rows)), block_rows)]
    wanting = [at for at, row in enumerate(rows) if row.wants_logits]
    others = [at for at, row in enumerate(rows) if not row.wants_logits]
    return [_pass(part, block_rows) for part in (others, wanting) if part]


def fit(prompt_tokens: int, *, block_rows: int) -> int:
    """About so many tokens of prompts, in whole blocks."""
    return max(LEAST_TOKENS, prompt_tokens - prompt_tokens % block_rows)


def _pass(indices: Sequence[int], block_rows: int) -> Pass:
    count = len(indices)
    sizes = (count, count + -count % QUAD_ROWS, count + -count % block_rows)
    return Pass(list(indices), min(sizes, key=lambda size: (_cost(size, block_rows), size)) - count)


def _cost(count: int, block_rows: int) -> int:
    quads, singles = divmod(count, QUAD_ROWS)
    if block_rows == QUAD_ROWS:
        return _QUAD_COST * quads + _SINGLE_COST * singles
    blocks, quads = divmod(quads, block_rows // QUAD_ROWS)
    return _BLOCK_COST * blocks + _QUAD_COST * quads + _SINGLE_COST * singles
