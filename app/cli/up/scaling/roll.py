"""Workers whose entry in the catalogue, or whose file, has changed are replaced one after the other (pure).

A new worker is loaded beside an old one; when it serves, the old one drains. Where the two do not fit together, the old
one drains first. A new worker that cannot serve replaces nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.cli.up.scaling.situation import Model, Worker

CHANGED = "what models.yaml says of the model has changed"


@dataclass(frozen=True, slots=True)
class Step:
    """What is done now: the workers that leave and why, and whether a new one starts."""

    leaving: tuple[Worker, ...] = ()
    reason: str = CHANGED
    starts: bool = False


def step(model: Model, target: int, staying: Sequence[Worker], *, has_room: bool) -> Step:
    """The next step of a model whose workers are to be replaced; none if none is.

    Args:
        target: how many workers it shall have, above 0.
        staying: those that are not about to stop, the one that stops last at the end.
        has_room: whether one more fits beside all that there are.
    """
    stale = [worker for worker in staying if worker.is_stale]
    fresh = [worker for worker in staying if not worker.is_stale]
    ready = sum(worker.state == "ready" for worker in fresh)
    replaced = stale[: max(0, len(stale) - max(0, target - ready))]
    if len(replaced) == len(stale) or len(fresh) >= target:
        return Step(tuple(replaced))
    if has_room:
        return Step(tuple(replaced), starts=True)
    if not replaced and ready == len(fresh) and len(staying) == len(model.workers):
        return Step(tuple(stale[:1]), f"{CHANGED}, and there is no room for two workers")
    return Step(tuple(replaced))
