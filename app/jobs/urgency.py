"""How urgent the job of a request is: its body says so, or its headers, within what its key may ask for."""

from __future__ import annotations

import contextlib
import math

from flask import request

from app.access.caller import caller
from app.bodies.job import JobBody
from app.bodies.service_tier import priority_of
from app.bodies.urgency import MOST_SECONDS, Urgency, by_name
from tasks.errors import InvalidRequest
from tasks.records.job import Priority
from tasks.texts import shown

PRIORITY_HEADER = "X-Priority"
"""Not ``Priority`` (RFC 9218): browsers send that by themselves, of their own connection."""
TIMEOUT_HEADER = "X-Timeout"
_LONGEST = 32
"""Characters of a number in a header."""


def asked_priority(body: JobBody) -> Priority:
    """The priority of a body's job: the body's own, else that of ``X-Priority``, else that of its service tier.

    Unasked, or asked for by a service tier, it is the caller's if that is lower. Raises InvalidRequest for one that the
    caller's key may not ask for, and for a header that is none.
    """
    by_header, own = _named_by_header(), body.priority if isinstance(body, Urgency) else None
    named = own or by_header
    if named is not None:
        check_priority(Priority(named))
        return Priority(named)
    return max(priority_of(body.tier) or Priority.NORMAL, caller().limits.priority, key=lambda each: each.rank)


def check_priority(asked: Priority) -> None:
    """Raise InvalidRequest if a priority is more urgent than the caller's key allows."""
    highest = caller().limits.priority
    if asked.rank < highest.rank:
        raise InvalidRequest(f"This key may ask for the priority '{highest}' at most.", param="priority")


def asked_timeout(body: JobBody) -> float | None:
    """Seconds until a body's job expires: the body's own, else those of ``X-Timeout``.

    Raises InvalidRequest for a header that is no such time, also where the body's own is used.
    """
    named, given = _timeout_by_header(), body.timeout if isinstance(body, Urgency) else None
    return named if given is None else given


def _timeout_by_header() -> float | None:
    text = request.headers.get(TIMEOUT_HEADER)
    if text is None:
        return None
    seconds = _number(text)
    if seconds is None or not 0 < seconds <= MOST_SECONDS:
        raise InvalidRequest(
            f"{TIMEOUT_HEADER} must be a number of seconds above 0, {MOST_SECONDS} at most.", param=TIMEOUT_HEADER
        )
    return seconds


def _named_by_header() -> str | None:
    text = request.headers.get(PRIORITY_HEADER)
    if text is None:
        return None
    number = _number(text)
    named = by_name(text.strip().lower() if number is None else number)
    if named is not None and named not in set(Priority):
        raise InvalidRequest(
            f"{PRIORITY_HEADER} must be high, normal or low, or a whole number; not '{shown(named)}'.",
            param=PRIORITY_HEADER,
        )
    return None if named is None else str(named)


def _number(text: str) -> float | None:
    if len(text) > _LONGEST or not text.isascii() or "_" in text:
        return None
    with contextlib.suppress(ValueError):
        return number if math.isfinite(number := float(text)) else None
    return None
