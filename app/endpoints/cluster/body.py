"""The bodies of the calls about queues."""

from __future__ import annotations

from app.bodies.job import ModelName
from app.bodies.part import Part


class QueueMove(Part):
    """``POST /queues/<model>/move``: ``to`` is the model that gets the jobs."""

    to: ModelName
