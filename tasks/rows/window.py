"""How many rows are under way at once: enough that no slot is ever idle, and few enough that others find room."""

from __future__ import annotations

ASLEEP = 16
"""Rows that wait for a model without workers: enough to wake it, and to begin with."""


STOCK_SECONDS = 0.4
"""For so long the workers go on by themselves: the time that ended rows take to be seen and replaced."""


def width(*, slots: int, others: int, most: int, rate: float = 0.0) -> int:
    """Rows to have under way.

    Twice the slots, so that a worker that ends all it has finds as much again in the line, less what others have under
    way; a quarter of the slots at least, which wait in the line behind all that is more urgent. Rows that end quickly
    are as many as the workers end until others come in their place.

    Args:
        slots: of the model's live workers.
        others: jobs of the model, queued or running, that are not of these rows.
        most: what the user allows.
        rate: how many of these rows have ended a second.
    """
    if not slots:
        return min(ASLEEP, most)
    return max(1, min(most, max(slots // 4, 2 * slots - others, round(rate * STOCK_SECONDS))))
