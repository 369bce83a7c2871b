"""How far a run has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class State:
    """How far a run has come."""

    num_rows: int
    total: int
    num_failed: int
    tokens: int
