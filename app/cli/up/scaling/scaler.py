"""Starts and stops workers by demand, beside the loop that keeps programs alive."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import inf
from types import MappingProxyType

from app.cli.up.scaling.decide import decide
from app.cli.up.scaling.ledger_line import LedgerLine, Look
from app.cli.up.scaling.own import Own, is_ours
from app.cli.up.scaling.pace import Pace
from app.cli.up.scaling.situation import Decision, Memory, Model, Situation
from app.cli.up.scaling.sizing import Sizing
from app.cli.up.supervisor import Program, Supervisor
from tasks.ledger import scaling
from tasks.ledger.ledger import Ledger
from tasks.ledger.scaling import Demand, Record, Supply
from tasks.logs import get_logger
from tasks.models.catalogue import Catalogue
from tasks.models.changes import Changes

FAILED_SECONDS = 60.0
"""So long nobody makes room for a model after it failed last."""
SAY_SECONDS = 5.0
"""Between two times that the same is said of the models."""

log = get_logger(__name__)


class Scaler:
    """Carries decisions out. All methods are for the thread of the supervisor, and wait for nothing.

    Where all numbers of workers are fixed, it does nothing until the catalogue is read again.

    Args:
        workers: those that are running already, with their models.
        budget: bytes that workers may take together.
        drain_seconds: how long a worker that stops may go on with its jobs.
        program: makes a worker's program from its name and its model.
        note: is told each decision in a sentence.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        workers: Mapping[str, str] = MappingProxyType({}),
        budget: float,
        drain_seconds: float,
        supervisor: Supervisor,
        ledger: Ledger,
        line: LedgerLine,
        sizing: Sizing,
        program: Callable[[str, str], Program],
        note: Callable[[str], None],
    ) -> None:
        self._catalogue = catalogue
        self._scales = catalogue.scales
        self._budget = budget
        self._drain_seconds = drain_seconds
        self._supervisor = supervisor
        self._ledger = ledger
        self._line = line
        self._sizing = sizing
        self._program = functools.cache(program)
        self._note = note
        began = time.monotonic()
        self._own = {name: Own(model, catalogue[model], began) for name, model in workers.items()}
        self._removed: frozenset[str] = frozenset()
        self._memory = Memory()
        self._used_at: dict[str, float] = {}
        self._accepted: dict[str, int] = {}
        self._paces = defaultdict[str, Pace](Pace)
        """As workers told it last, which may have stopped."""
        self._failed_at: dict[str, float] = {}
        self._unloaded: dict[str, str] = {}
        self._said: tuple[float, Mapping[str, Supply]] = (-inf, {})
        self._fault = ""
        self._acts = catalogue.scales
        if self._acts:
            line.start()

    def tend(self) -> None:
        """Look at what has changed, and do what there is to do. Raises nothing: programs are kept alive in any case."""
        if not self._acts:
            return
        try:
            self._sizing.tend()
            if look := self._line.take():
                self._follow(look)
            self._fault = ""
        except Exception as exc:
            if self._fault != (told := repr(exc)):
                self._fault = told
                log.exception("workers could not be started or stopped by demand")

    def reload(self, models: Catalogue, leaving: Catalogue, changes: Changes) -> None:
        """Follow another catalogue, of which these are the changes.

        Args:
            leaving: models that are in it no longer, and whose workers end what was accepted.
        """
        for own in self._own.values():
            if (entry := models.get(own.model)) is not None:
                replaced = own.model in changes.replaced
                own.compare_with(entry, replaced=replaced, bytes=self._sizing.of(own.model).bytes)
        self._catalogue, self._removed = Catalogue({**leaving, **models}), frozenset(leaving)
        self._scales = models.scales
        self._sizing.renew(self._catalogue, {*changes.added, *changes.renewed})
        self._count_jobs()
        if not self._acts:
            self._acts = True
            self._line.start()

    def close(self) -> None:
        """Decide nothing more. The workers are left to the supervisor."""
        self._line.close()
        self._sizing.close()

    def _follow(self, look: Look) -> None:
        self._forget_gone(look)
        models = tuple(
            self._model(name, look.demands[name], look.at) for name in self._catalogue if name in look.demands
        )
        budget = self._budget if self._scales else inf
        made = decide(Situation(now=look.at, budget=budget, roll_budget=self._budget, models=models), self._memory)
        self._memory = made.memory
        for decision in made.decisions:
            self._carry_out(decision)
        faults = self._dying() | {model: (f"{model}-1", reason) for model, reason in made.too_large.items()}
        for model, (worker, reason) in faults.items():
            self._line.post(functools.partial(self._fail, model, worker, reason))
        if made.decisions:
            now = time.time()
            records = [Record(at=now, **asdict(decision)) for decision in made.decisions]
            self._line.post(functools.partial(scaling.record, records=records))
        self._say(made.waits)
        self._count_jobs()

    def _count_jobs(self) -> None:
        workers = defaultdict[str, list[str]](list, {name: [] for name in self._catalogue})
        for name, own in self._own.items():
            workers[own.model].append(name)
        self._line.count_jobs_of(workers)

    # -- what is known

    def _forget_gone(self, look: Look) -> None:
        self._own = {name: own for name, own in self._own.items() if self._supervisor.has(name)}
        for name, own in self._own.items():
            if own.model not in look.demands:  # it has just been added
                continue
            if name not in look.demands[own.model].workers:
                own.ready_at = None
            elif own.ready_at is None:
                own.ready_at = look.at
                self._sizing.loaded(own.model)

    def _model(self, name: str, demand: Demand, now: float) -> Model:
        entry, need = self._catalogue[name], self._sizing.of(name)
        before = self._accepted.get(name)
        if demand.waiting or demand.running or before not in (None, demand.accepted):
            self._used_at[name] = now
        elif before is None and demand.wanted_seconds:  # we have just been started
            self._used_at[name] = now - max(0.0, entry.keep_alive - demand.wanted_seconds)
        self._accepted[name] = demand.accepted
        if demand.health.failed(serving=bool(demand.workers)) or self._dies(name):
            self._failed_at[name] = now
        own = {worker: each for worker, each in self._own.items() if each.model == name}
        removed = name in self._removed
        return Model(
            name=name,
            slots=entry.slots,
            bytes=need.bytes,
            parts=need.parts,
            min=0 if removed else entry.workers.min,
            max=entry.workers.max,
            keep_alive=0.0 if removed else entry.keep_alive,
            priority=entry.priority,
            waiting=demand.waiting,
            running=demand.running,
            job_seconds=self._paces[name].job_seconds(demand, now),
            used_ago=now - self._used_at.get(name, -inf),
            wanted=demand.wanted_seconds > 0 and not removed,
            asked="" if removed else self._wish(name, demand.asked),
            elsewhere=sum(not is_ours(worker, name) for worker in demand.workers),
            failing=now - self._failed_at.get(name, -inf) < FAILED_SECONDS,
            removed=removed,
            workers=tuple(each.seen(worker, demand, now) for worker, each in own.items()),
        )

    def _wish(self, model: str, asked: str) -> str:
        """`load` as long as it stands, and `unload` once."""
        wish, _, _ = asked.partition(" ")
        if wish != "unload":
            return wish
        before, self._unloaded[model] = self._unloaded.get(model), asked
        return "" if before == asked else wish

    def _dies(self, model: str) -> bool:
        return any(
            own.model == model and self._supervisor.dies_again_and_again(name) for name, own in self._own.items()
        )

    def _dying(self) -> dict[str, tuple[str, str]]:
        """Models whose workers end again and again, whatever they do: the worker, and what is said of it."""
        return {
            own.model: (name, f"Its worker {name} dies repeatedly. The worker's log says why.")
            for name, own in self._own.items()
            if self._supervisor.dies_again_and_again(name)
        }

    # -- what is done

    def _carry_out(self, decision: Decision) -> None:
        if decision.action == "start":
            self._supervisor.start(self._program(decision.worker, decision.model))
            self._own[decision.worker] = Own(decision.model, self._catalogue[decision.model], time.monotonic())
        else:
            own = self._own[decision.worker]
            self._supervisor.retire(decision.worker, self._drain_seconds, patiently=own.has_old_file)
            own.is_draining = True
        self._note(decision.text)

    def _fail(self, model: str, worker: str, reason: str, _client: object) -> None:
        """Say that a model cannot be served, as one of its workers would."""
        start = {"state": "failed", "phase": "starting", "reason": reason, "tries": 3}
        self._ledger.workers.report_start(model, worker, start, scaling.SUPPLY_SECONDS)

    def _say(self, waits: Mapping[str, str]) -> None:
        supplies = {
            name: Supply(
                draining=sum(own.is_draining for own in self._own.values() if own.model == name),
                starting=sum(
                    own.ready_at is None and not own.is_draining for own in self._own.values() if own.model == name
                ),
                absent=self._sizing.is_absent(name),
                reason=waits.get(name, ""),
            )
            for name in self._catalogue
        }
        at, said = self._said
        now = time.monotonic()
        if supplies != said or now - at > SAY_SECONDS:
            self._said = (now, supplies)
            self._line.post(functools.partial(scaling.say, supplies=supplies))
