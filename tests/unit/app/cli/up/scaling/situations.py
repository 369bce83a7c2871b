"""Models and workers in situations, and a cluster of them that lives as time goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from app.cli.up.scaling.decide import decide
from app.cli.up.scaling.situation import Decided, Decision, Memory, Model, Situation, Worker

MIB = 1 << 20


def worker(name: str, state: Any = "ready", **fields: Any) -> Worker:
    return Worker(name=name, state=state, **fields)


def model(name: str = "a", workers: Iterable[Worker] = (), **fields: Any) -> Model:
    return Model(name=name, workers=tuple(workers), **{"bytes": 100 * MIB, "slots": 4, "min": 0, "max": 3, **fields})


def decided(*models: Model, budget: float = inf, now: float = 1000.0, memory: Memory | None = None) -> Decided:
    return decide(Situation(now=now, budget=budget, models=models), memory or Memory())


def told(*models: Model, **options: Any) -> list[str]:
    """`action worker` of each decision."""
    return [f"{each.action} {each.worker}" for each in decided(*models, **options).decisions]


@dataclass(slots=True)
class Simulated:
    """A model whose workers load in `load_seconds`, drain in two, and run a job in `job_seconds`."""

    model: Model
    load_seconds: float = 3.0
    job_seconds: float = 1.0
    workers: dict[str, tuple[str, float, float]] = field(default_factory=dict)
    """State, when it was started, and since when it is in its state."""
    jobs: float = 0.0
    used_at: float = -inf
    done: float = 0.0

    def seen(self, now: float) -> Model:
        if self.jobs:
            self.used_at = now
        serving = [name for name, (state, _, _) in self.workers.items() if state == "ready"]
        running = min(int(self.jobs + 0.999), len(serving) * self.model.slots)
        held = {name: max(0, min(self.model.slots, running - at * self.model.slots)) for at, name in enumerate(serving)}
        return replace(
            self.model,
            waiting=int(self.jobs + 0.999) - running,
            running=running,
            job_seconds=self.job_seconds if self.done else 0.0,
            used_ago=now - self.used_at,
            workers=tuple(
                Worker(
                    name=name,
                    state=state,  # type: ignore[arg-type]
                    held=held.get(name, 0),
                    started_ago=now - started,
                    ready_ago=now - since if state == "ready" else inf,
                )
                for name, (state, started, since) in self.workers.items()
            ),
        )

    def live_on(self, now: float) -> None:
        serving = sum(state == "ready" for state, _, _ in self.workers.values())
        ended = min(self.jobs, serving * self.model.slots / self.job_seconds)
        self.jobs, self.done = self.jobs - ended, self.done + ended
        for name, (state, started, since) in list(self.workers.items()):
            if state == "starting" and now - since >= self.load_seconds:
                self.workers[name] = ("ready", started, now)
            elif state == "draining" and now - since >= 2:
                del self.workers[name]


class Simulation:
    """Models on one machine; a step is a second."""

    def __init__(self, *models: Simulated, budget: float = inf) -> None:
        self.models = {each.model.name: each for each in models}
        self.budget = budget
        self.memory = Memory()
        self.now = 1000.0
        self.log: list[Decision] = []

    def step(self) -> None:
        seen = tuple(each.seen(self.now) for each in self.models.values())
        made = decide(Situation(now=self.now, budget=self.budget, models=seen), self.memory)
        self.memory = made.memory
        for decision in made.decisions:
            workers = self.models[decision.model].workers
            if decision.action == "start":
                assert decision.worker not in workers
                workers[decision.worker] = ("starting", self.now, self.now)
            else:
                state, started, _ = workers[decision.worker]
                assert state != "draining"
                workers[decision.worker] = ("draining", started, self.now)
        self.log += made.decisions
        assert self.used() <= self.budget
        self.now += 1
        for each in self.models.values():
            each.live_on(self.now)

    def used(self) -> int:
        return sum(each.model.bytes * len(each.workers) for each in self.models.values())

    def count(self, action: str, name: str = "") -> int:
        return sum(each.action == action and each.model.startswith(name) for each in self.log)
