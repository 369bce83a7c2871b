"""Which workers start and which stop, from what each model needs and the memory there is (pure).

Workers that no model needs stop, and those whose entry has changed are replaced (`app/cli/up/scaling/roll.py`). Then
models get room in turn: first those for which others were asked to leave, then those whose jobs no worker serves, then
those that somebody loads, those with fewer workers than `min`, those within their keep-alive, and last those whose jobs
wait for further workers. Where there is no room, workers of other models are asked to leave:
`app/cli/up/scaling/eviction.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from math import inf

from app.cli.up.scaling import eviction, roll
from app.cli.up.scaling.need import needed, noted, target
from app.cli.up.scaling.situation import (
    TURN_SECONDS,
    Decided,
    Decision,
    Memory,
    Model,
    Situation,
    Worker,
    of_jobs,
    room_words,
)
from tasks.byte_sizes import size

MUCH = 0.1
"""Of the budget: by so much workers may exceed it until one of them stops, if their sizes were not known before."""


def decide(situation: Situation, memory: Memory) -> Decided:
    """What to do now. It may be called as often as one likes: what was done shows in the next situation."""
    now, models = situation.now, situation.models
    resting = frozenset(model.name for model in models if _rests(model, memory))
    needs = {
        model.name: noted(memory.needs.get(model.name, ()), now, needed(model, resting=model.name in resting))
        for model in models
    }
    too_large = {model.name: _too_large(model, situation.budget) for model in models if model.bytes > situation.budget}
    starving = {
        model.name: memory.starving.get(model.name, now) for model in models if model.load and not model.is_served
    }
    promised = frozenset(
        model.name for model in models if model.name in memory.promised and model.load and not model.live
    )
    targets = {name: 0 if name in too_large else target(seen) for name, seen in needs.items()}
    placing = _Placing(situation, targets, starving, promised)
    placing.stop_surplus(too_large)
    placing.replace_stale()
    placing.shed_excess()
    placing.start_missing()
    after = Memory(needs=needs, starving=starving, resting=resting, promised=frozenset(placing.promised))
    return Decided(decisions=tuple(placing.decisions), waits=placing.waits, too_large=too_large, memory=after)


def _rests(model: Model, memory: Memory) -> bool:
    """Whether somebody has unloaded it, and neither a job nor somebody else has asked for it since."""
    if model.asked == "unload":
        return True
    ends = all(worker.state == "draining" for worker in model.workers)  # what they run ends, or waits soon
    comes = model.waiting or (model.running and not (model.workers and ends))
    return model.name in memory.resting and not (comes or model.wanted or model.asked == "load")


def _too_large(model: Model, budget: float) -> str:
    parts = f" ({model.parts})" if model.parts else ""
    return (
        f"One worker of it takes {size(model.bytes)}{parts}, and the workers of all models may take {size(budget)}: "
        "lower kv_tokens, slots or context, take a file of fewer bits a weight, or raise CARAVAN_MEMORY_BUDGET."
    )


@dataclass(slots=True)
class _Placing:
    """Decisions on the way, and the memory that they leave."""

    situation: Situation
    targets: Mapping[str, int]
    starving: Mapping[str, float]
    promised: set[str] | frozenset[str]
    decisions: list[Decision] = field(default_factory=list)
    waits: dict[str, str] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    started: dict[str, int] = field(default_factory=dict)
    used: float = 0.0
    """Bytes of all workers, and of those that are on their way out."""
    freed: float = 0.0
    """Bytes of those on their way out."""
    kept: float = 0.0
    """Bytes for models that wait for them to have gone."""

    def __post_init__(self) -> None:
        self.promised = set(self.promised)
        for model in self.situation.models:
            self.used += sum(map(model.bytes_of, model.workers))
            self.freed += sum(model.bytes_of(worker) for worker in model.workers if worker.state == "draining")

    def stop_surplus(self, too_large: Mapping[str, str]) -> None:
        for model in self.situation.models:
            if model.asked == "unload":
                surplus, reason = model.live, "somebody unloads the model"
            elif self.targets[model.name] and any(worker.is_stale for worker in model.live):
                continue
            else:
                surplus = model.live[: max(0, len(model.live) - self.targets[model.name])]
                reason = "the model does not fit" if model.name in too_large else _no_need(model, self.targets)
            for worker in surplus:
                self._stop(model, worker, reason)

    def replace_stale(self) -> None:
        for model, staying in self._staying():
            if not any(worker.is_stale for worker in staying) or not self.targets[model.name]:
                continue
            has_room = self.used + self.kept + model.bytes <= self.situation.roll_budget
            found = roll.step(model, self.targets[model.name], staying, has_room=has_room)
            for worker in found.leaving:
                self._stop(model, worker, found.reason)
            if found.starts:
                self._start(model, found.reason)

    def shed_excess(self) -> None:
        excess = self.used - self.freed - self.situation.budget
        if excess <= 0:
            return
        reason = f"all workers take {size(self.used - self.freed)}, and may take {size(self.situation.budget)}"
        for model, worker in eviction.shed(self._staying(), excess, much=MUCH * self.situation.budget):
            self._leave(Decision(action="evict", model=model.name, worker=worker.name, reason=reason), model)

    def start_missing(self) -> None:
        for model, why in self._requests():
            if not self._place(model, why):
                self.waits.setdefault(model.name, f"It waits for room: {self._room(model)}.")

    def _requests(self) -> list[tuple[Model, str]]:
        """A model for each worker that is missing, the most urgent first, and why it is."""
        now, found = self.situation.now, list[tuple[tuple[float, ...], Model, str]]()
        for model in self.situation.models:
            staying = len(model.live) - sum(worker.name in self.leaving for worker in model.live)
            for number in range(staying, self.targets[model.name]):
                waited = now - self.starving.get(model.name, now)
                if model.load and not number and not model.elsewhere and not model.failing:
                    turns = waited // TURN_SECONDS
                    first = model.name in self.promised
                    rank: tuple[float, ...] = (0, not first, -turns, -model.priority, -waited)
                    why = of_jobs(model.waiting or model.load)
                elif model.asked == "load" and not number:
                    rank, why = (1, -model.priority), "somebody loads the model"
                elif number < model.min:
                    rank, why = (2, -model.priority), f"workers.min is {model.min}"
                elif not number:
                    rank, why = (3, -model.priority), of_jobs(model.load) if model.load else "its keep-alive runs"
                else:
                    rank, why = (4, number, -model.priority), _backlog(model, number)
                found.append((rank, model, why))
        return [(model, why) for _, model, why in sorted(found, key=lambda each: each[0])]

    def _place(self, model: Model, why: str) -> bool:
        """Start a worker, or make room for one; whether one has started."""
        is_replaced = any(worker.is_stale for worker in model.workers)
        budget = self.situation.roll_budget if is_replaced else self.situation.budget
        if self.used + self.kept + model.bytes <= budget:
            self._start(model, why)
            return True
        first = not self.started.get(model.name) and not [each for each in model.live if each.name not in self.leaving]
        if self.used - self.freed + self.kept + model.bytes > budget:
            missing = self.used - self.freed + self.kept + model.bytes - budget
            leaving = eviction.choose(self._asking(model, first=first), self._staying(model.name), missing)
            if not leaving:
                return False
            reason = f"{model.name} needs it: {why}, {self._room(model)}"
            for other, worker in leaving:
                self._leave(Decision(action="evict", model=other.name, worker=worker.name, reason=reason), other)
            if first and model.load:
                self.promised = {*self.promised, model.name}
        if self.used + self.kept + model.bytes <= budget:  # nobody had to leave but what has not begun
            self._start(model, why)
            return True
        self.kept += model.bytes
        return False

    def _asking(self, model: Model, *, first: bool) -> eviction.Asking:
        waited = self.situation.now - self.starving[model.name] if model.name in self.starving else 0.0
        wants_it = bool(model.load and not model.failing) or model.asked == "load"
        return eviction.Asking(model=model, first=first, may=wants_it, waited=waited if model.load else 0.0)

    def _staying(self, but: str = "") -> list[tuple[Model, tuple[Worker, ...]]]:
        """Models but for one, and their workers that stay so far."""
        return [
            (model, tuple(worker for worker in model.live if worker.name not in self.leaving))
            for model in self.situation.models
            if model.name != but
        ]

    def _stop(self, model: Model, worker: Worker, reason: str) -> None:
        self._leave(Decision(action="stop", model=model.name, worker=worker.name, reason=reason), model)

    def _leave(self, decision: Decision, model: Model) -> None:
        self.decisions.append(decision)
        self.leaving.add(decision.worker)
        self.freed += sum(model.bytes_of(worker) for worker in model.workers if worker.name == decision.worker)

    def _start(self, model: Model, why: str) -> None:
        taken = {worker.name for worker in model.workers}
        taken |= {decision.worker for decision in self.decisions if decision.action == "start"}
        name = next(name for number in count(1) if (name := f"{model.name}-{number}") not in taken)
        self.decisions.append(Decision(action="start", model=model.name, worker=name, reason=why))
        self.started[model.name] = self.started.get(model.name, 0) + 1
        self.used += model.bytes

    def _room(self, model: Model) -> str:
        return room_words(model.bytes, self.situation.budget, self.situation.budget - self.used - self.kept)


def _no_need(model: Model, targets: Mapping[str, int]) -> str:
    if model.load:
        return f"{targets[model.name]} of {len(model.live)} workers are enough for {model.load} jobs"
    if model.removed:
        return "models.yaml does not have the model any more"
    if not targets[model.name]:
        return f"no job came for {model.keep_alive:g} s (keep_alive)"
    return f"{targets[model.name]} of {len(model.live)} workers are enough without jobs"


def _backlog(model: Model, workers: int) -> str:
    wait = model.wait_seconds(workers + model.elsewhere)
    told = "for a slot each" if wait == inf else f"{wait:.0f} s for {workers + model.elsewhere} x {model.slots} slots"
    return f"{of_jobs(model.waiting or model.load)} {told}"
