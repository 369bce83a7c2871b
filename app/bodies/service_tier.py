"""OpenAI's service tiers: how urgent a job is."""

from __future__ import annotations

from typing import Literal

from tasks.records.job import Job, Priority

Tier = Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]
ServedAs = Literal["default", "flex", "priority"]
KEY = "service_tier"
"""What a job's request calls the tier that was asked for."""

_PRIORITIES = {
    "flex": Priority.LOW,
    "priority": Priority.HIGH,
    "fast": Priority.HIGH,
    "ultrafast": Priority.HIGH,
}


def priority_of(tier: Tier | None) -> Priority | None:
    """The priority that a tier asks for; None if it asks for none."""
    return _PRIORITIES.get(tier or "")


def served_as(job: Job) -> ServedAs | None:
    """The tier that a job is run at; None if its request named none. A key may not allow the one that was asked for."""
    asked: Tier | None = job.request.get(KEY)
    if asked is None:
        return None
    if priority_of(asked) is not job.priority:
        return "default"
    return "flex" if job.priority is Priority.LOW else "priority"
