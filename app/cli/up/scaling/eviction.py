"""Which workers leave so that another model has room (pure).

In this order:

1. idle workers of models without jobs, and of models that fail; those of the lowest priority first, then of the model
   that was used longest ago. A model with `min` above 0 is one of them;
2. idle workers beside others of their model;
3. busy workers beside others of their model, once the jobs of the model that asks have waited for some seconds;
4. the last worker of a model with jobs, once it has had its turn. So two models that need the same room take turns,
   whatever their load and their priorities.

Each drains: its jobs end, or go on elsewhere at their next token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.cli.up.scaling.need import WAIT_SECONDS
from app.cli.up.scaling.situation import TURN_SECONDS, Model, Worker

QUIET_SECONDS = 2.0
"""A model without jobs for so long is idle; one whose jobs come one by one has a turn as well."""

Others = Sequence[tuple[Model, Sequence[Worker]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The model that needs room.

    Args:
        first: whether it has no worker yet.
        may: whether anybody leaves for it: jobs wait for it, or somebody loads it.
        waited: seconds that its jobs have waited without a worker.
    """

    model: Model
    first: bool
    may: bool
    waited: float


def choose(asking: Asking, others: Others, missing: float) -> list[tuple[Model, Worker]]:
    """The workers that leave, until so many bytes are free; none if that would not be enough.

    Args:
        others: the other models with their workers that stay so far, the last to leave at the end.
        missing: bytes.
    """
    if not asking.may:
        return []
    ranked = sorted(_ranked(asking, others), key=lambda each: each[0])
    return _enough([(model, worker) for _, model, worker in ranked], missing)


def shed(models: Others, excess: float, *, much: float) -> list[tuple[Model, Worker]]:
    """The workers that leave because all of them take so many bytes too much: sizes were estimates when they started.

    Those of models without jobs go first, then those beside others of their model, then those of the lowest priority.
    None goes for a little too much, unless it is one of the first two: it comes right when the next one stops.

    Args:
        excess: bytes beyond the budget.
        much: bytes of which the last worker of a model with jobs leaves.
    """
    ranked = [
        ((model.load > 0, at == len(workers) - 1, model.priority, worker.held, -model.used_ago), model, worker)
        for model, workers in models
        for at, worker in enumerate(workers)
        if excess >= much or not model.load or at < len(workers) - 1
    ]
    ranked.sort(key=lambda each: each[0])
    return _enough([(model, worker) for _, model, worker in ranked], excess)


def _enough(ranked: Sequence[tuple[Model, Worker]], missing: float) -> list[tuple[Model, Worker]]:
    """As many as give so many bytes; none if all together do not."""
    found, free = list[tuple[Model, Worker]](), 0.0
    for model, worker in ranked:
        if free >= missing:
            break
        found.append((model, worker))
        free += model.bytes
    if free < missing:
        return []
    for each in found[-2::-1]:  # the last one may have made others needless
        if free - each[0].bytes >= missing:
            found.remove(each)
            free -= each[0].bytes
    return found


def _ranked(asking: Asking, others: Others) -> Iterator[tuple[tuple[float, ...], Model, Worker]]:
    for model, workers in others:
        for at, worker in enumerate(workers):
            number_left = len(workers) - at - 1
            group = _group(asking, model, worker, number_left)
            if group:
                yield (group, model.priority, -model.used_ago, worker.held, at), model, worker


def _group(asking: Asking, model: Model, worker: Worker, number_left: int) -> int:
    """1 to 4, as at the top; 0 for a worker that stays.

    Args:
        number_left: workers of its model that stay when it leaves.
    """
    if not asking.first:
        idle = not model.load and model.used_ago >= TURN_SECONDS
        return int(idle and number_left >= model.min and model.priority <= asking.model.priority)
    if model.failing or (not model.load and (model.used_ago >= QUIET_SECONDS or worker.turn_is_over)):
        return 1
    if not asking.model.load:
        return 0
    if number_left:
        return 2 if not worker.held else 3 if asking.waited >= WAIT_SECONDS else 0
    return 4 if worker.turn_is_over and asking.waited >= WAIT_SECONDS else 0
