"""When a webhook that was not taken is sent again."""

from __future__ import annotations

import random
from collections.abc import Sequence

JITTER = 0.2
"""Up to a fifth later by chance, so that what failed together does not come again together."""
LONGEST_SECONDS = 86_400.0
"""A receiver that asks for more time than this gets this."""


def seconds_until_next(
    schedule: Sequence[float], attempts: int, *, retry_after_seconds: float | None = None
) -> float | None:
    """Seconds until the next attempt after so many; None if there is none.

    Args:
        schedule: seconds between one attempt and the next.
        attempts: how many there have been.
        retry_after_seconds: what the receiver asked for, which is waited at least.
    """
    if attempts > len(schedule):
        return None
    seconds = schedule[attempts - 1] * (1 + random.uniform(0, JITTER))
    return max(seconds, min(retry_after_seconds or 0.0, LONGEST_SECONDS))
