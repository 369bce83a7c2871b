"""What a bulk run says of a cluster that is away: its many rows wait together."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.bulk.report import Report
from app.cli.connection import in_words
from tasks.errors import CaravanError

QUIET_SECONDS = 30.0
"""After which what is waited for is said again."""


def teller(report: Report, url: str, api_key: str | None) -> Callable[[CaravanError, float], None]:
    """Says what is waited for, once for the many rows that wait for it."""
    said: dict[str, float] = {}

    def tell(error: CaravanError, _: float) -> None:
        if said.get(error.code, 0.0) < time.monotonic() - QUIET_SECONDS or error.code not in said:
            said[error.code] = time.monotonic()
            report.say(f"{in_words(error, url, api_key)} Trying again.")

    return tell
