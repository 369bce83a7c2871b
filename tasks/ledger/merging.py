"""Lists of several owners' jobs as one list, the newest first (pure).

Each owner's list may end before its jobs do. Then older jobs of other owners cannot be told yet: one of this owner's
may belong before them. Jobs that were accepted in the same moment stand in the order of their owners' names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tasks.records.job import Job


class Found(NamedTuple):
    """The ids of the jobs that were found, and the job looked at last; None if there are no more."""

    ids: list[str]
    last: str | None


class _Place(NamedTuple):
    """Where a job stands in the list."""

    age: float
    owner: str
    number: int


def begin(owner: str, after: Job | None, before: float | None) -> tuple[str, float | None]:
    """Where an owner's part of the list begins behind a job: the id of its own job, or the time before which it is.

    Args:
        before: as the whole list has it.
    """
    if after is None or owner == after.owner:
        return ("" if after is None else after.id), before
    until = math.nextafter(after.created_at, math.inf) if owner > after.owner else after.created_at
    return "", until if before is None else min(before, until)


def merged(owners: Sequence[str], parts: Sequence[Found], times: Mapping[str, float], *, limit: int) -> Found:
    """The first jobs of all parts, up to a limit.

    Args:
        times: when each job was accepted, also the last one of each part. A job without one is gone.
    """
    places = {
        each: _Place(-times[each], owner, number)
        for owner, found in zip(owners, parts, strict=True)
        for number, each in enumerate([*found.ids, *filter(None, [found.last])])
        if each in times
    }
    looked_at = ([each for each in (*found.ids, found.last) if each in places] for found in parts if found.last)
    ends = [known[-1] for known in looked_at if known]
    horizon = min(ends, key=lambda each: places[each], default=None)
    listed = sorted({each for found in parts for each in found.ids if each in places}, key=lambda each: places[each])
    if horizon is not None:
        listed = [each for each in listed if places[each] <= places[horizon]]
    if len(listed) > limit:
        return Found(listed[:limit], listed[limit - 1])
    return Found(listed, horizon)
