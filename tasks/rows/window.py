"""How many rows are under way at once: enough that no slot is ever idle, and few enough that others find room."""

from __future__ import annotations

ASLEEP = 16
"""Rows that wait for a model without workers: enough to wake it, and to begin with."""


def width(*, slots: int, others: int, most: int) -> int:
    """Rows to have under way.

    Twice the slots, so that a worker that ends all it has finds as much again in the line, less what others have under
    way; a quarter of the slots at least, which wait in the line behind all that is more urgent.

    Args:
        slots: of the model's live workers.
        others: jobs of the model, queued or running, that are not of these rows.
        most: what the user allows.
    """
    if not slots:
        return min(ASLEEP, most)
    return max(1, min(most, max(slots // 4, 2 * slots - others)))
