"""Dates, times and durations as ISO 8601: of any year, to the nanosecond, where Python's own types end earlier.

Pure: numbers in, text out. All of Arrow's units and ranges have a text, and no two values of one type have the same.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from functools import cache

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Arrow's units."""
_DAY = 86_400
_FIXED = re.compile(r"([+-])(\d\d):?(\d\d)")
_FIRST, _LAST = -62_135_510_400, 253_402_214_400
"""Seconds since 1970 between which a zone's offset can be asked for: a day inside of the years 1 to 9999."""


def date(days: int) -> str:
    """A day, counted from 1970-01-01. A year of more than four digits, or before 0, has its sign."""
    year, month, day = _civil(days)
    shown = f"{year:04}" if 0 <= year <= 9999 else f"{year:+05}"
    return f"{shown}-{month:02}-{day:02}"


def time(value: int, unit: str) -> str:
    """A time of day."""
    seconds, rest = divmod(abs(value), PER_SECOND[unit])
    sign = "-" if value < 0 else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{_fraction(rest, unit)}"


def timestamp(value: int, unit: str, zone: str | None) -> str:
    """A point in time, counted from 1970.

    Args:
        zone: in which it is shown, with its offset. One that is not known, or whose offset is not of whole minutes at
            that time, is shown in UTC.
    """
    seconds, rest = divmod(value, PER_SECOND[unit])
    minutes = 0 if zone is None else _offset(zone, seconds)
    days, of_day = divmod(seconds + 60 * minutes, _DAY)
    text = f"{date(days)}T{time(of_day, 's')}{_fraction(rest, unit)}"
    if zone is None:
        return text
    hours, left = divmod(abs(minutes), 60)
    return f"{text}{'-' if minutes < 0 else '+'}{hours:02}:{left:02}"


def duration(value: int, unit: str) -> str:
    """A number of seconds: ``PT1.5S``."""
    return f"{'-' if value < 0 else ''}PT{_seconds(abs(value), unit)}S"


def interval(months: int, days: int, nanoseconds: int) -> str:
    """Months, days and seconds, each with its own sign: ``P1M-2DT1.5S``."""
    sign = "-" if nanoseconds < 0 else ""
    return f"P{months}M{days}DT{sign}{_seconds(abs(nanoseconds), 'ns')}S"


def _seconds(value: int, unit: str) -> str:
    seconds, rest = divmod(value, PER_SECOND[unit])
    return f"{seconds}{_fraction(rest, unit)}"


def _fraction(rest: int, unit: str) -> str:
    """Of a second: none, or six digits, as Python's `isoformat` has them, or nine."""
    nanoseconds = rest * (10**9 // PER_SECOND[unit])
    if not nanoseconds:
        return ""
    return f".{nanoseconds:09}" if nanoseconds % 1000 else f".{nanoseconds // 1000:06}"


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms")."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + 400 * era + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def _offset(zone: str, seconds: int) -> int:
    """Minutes that a zone is ahead of UTC at a time; 0 where they cannot be told."""
    known = _zone(zone)
    if known is None or not _FIRST <= seconds <= _LAST:
        return 0
    at = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)
    offset = at.astimezone(known).utcoffset() or datetime.timedelta()
    minutes, rest = divmod(offset, datetime.timedelta(minutes=1))
    return 0 if rest else minutes


@cache
def _zone(name: str) -> datetime.tzinfo | None:
    """A zone by the name that Arrow has for it: ``Europe/Berlin`` or ``+01:00``."""
    if fixed := _FIXED.fullmatch(name):
        minutes = int(fixed[2]) * 60 + int(fixed[3])
        if minutes < 24 * 60:
            return datetime.timezone(datetime.timedelta(minutes=-minutes if fixed[1] == "-" else minutes))
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
