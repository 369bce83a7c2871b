"""How many workers a model needs, whatever room there is for them (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from app.cli.up.scaling.situation import Model

WAIT_SECONDS = 5.0
"""Jobs that would wait longer for a slot have another worker started."""
COOL_DOWN_SECONDS = 20.0
"""Fewer workers are needed when fewer were needed all this time: the most that was needed within it counts."""

Needs = Sequence[tuple[float, int]]


def needed(model: Model, *, resting: bool) -> int:
    """As many as its jobs need just now, from `min` to `max`.

    A model with jobs needs as few workers as let no job wait for a slot longer than `WAIT_SECONDS`, at the speed at
    which its jobs have ended lately. One whose speed is not known needs its first worker; if that serves for
    `WAIT_SECONDS` and no job has ended, a slot for every job. Without jobs a model needs one worker until its
    keep-alive is over.

    Args:
        resting: somebody has unloaded the model, and no job has come since.
    """
    if resting:
        return 0
    if not model.load:
        return model.min if model.elsewhere else max(model.min, 1 if model.is_kept else 0)
    if model.failing:
        return max(1, model.min)
    least = max(model.min, 0 if model.elsewhere else 1)
    if not model.job_seconds and not _has_been_tried(model):
        return max(least, model.standing)
    for workers in range(least, model.max):
        if model.wait_seconds(workers + model.elsewhere) <= WAIT_SECONDS:
            return workers
    return max(least, model.max)


def _has_been_tried(model: Model) -> bool:
    """Whether workers have served it for so long that its jobs are known to take long."""
    served = any(worker.state == "ready" and worker.ready_ago >= WAIT_SECONDS for worker in model.workers)
    return served or bool(model.elsewhere)


def noted(before: Needs, now: float, need: int) -> tuple[tuple[float, int], ...]:
    """The needs of the last `COOL_DOWN_SECONDS`, with the one of this moment. No need at all forgets the others."""
    if not need:
        return ((now, 0),)
    return (*(each for each in before if now - each[0] < COOL_DOWN_SECONDS), (now, need))


def target(needs: Needs) -> int:
    """How many workers a model shall have: more at once, fewer after the cool-down."""
    return max(need for _, need in needs)
