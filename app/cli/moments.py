"""Moments as they are written on the command line."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any

import click

_AGO = re.compile(r"(\d+)([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Moment(click.ParamType[int]):
    """A date, a date and a time, or how long ago: ``2026-11-29``, ``2026-11-29T18:30``, ``2h``. Seconds since 1970.

    What names no zone is local time.
    """

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if ago := _AGO.fullmatch(str(value)):
            return max(0, int(time.time()) - int(ago[1]) * _SECONDS[ago[2]])
        try:
            return max(0, int(datetime.fromisoformat(str(value)).timestamp()))
        except (ValueError, OverflowError, OSError):
            self.fail(f"'{value}' is no moment. Write 2026-11-29, 2026-11-29T18:30, or 30m, 2h or 7d ago.", param, ctx)


def moment(at: float) -> str:
    """Seconds since 1970 as a date and a time of this place."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
