"""The start of a cluster as it is seen: its parts, its addresses, its first answer; and later, what fails."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from app.cli.up.cluster_watch import Watch
from app.cli.up.display import Display
from app.cli.up.first_answer import FirstAnswer
from app.cli.up.parts import Part, State, failed_models, worker_states
from app.cli.up.programs import Cluster
from app.cli.up.supervisor import Supervisor
from app.cli.words import counted
from tasks.models.catalogue import Catalogue

LOOK_SECONDS, SLOW_SECONDS, LATER_SECONDS = 0.25, 1.0, 5.0
"""Between two looks: during the start, during one that takes long, and after it."""
CLERK_SECONDS = 2.0
"""Imports take it one; it is taken to work when it has lived so long."""
PATIENCE_SECONDS = 15.0
"""So long after the web front the addresses are told, whatever is still loading."""


def missing_models(depths: Mapping[str, int]) -> list[str]:
    """What is told of models that have jobs and that the catalogue does not have."""
    if not depths:
        return []
    lines = [
        f"  {counted(depth, 'job')} waiting for {model}, which the catalogue does not have."
        for model, depth in depths.items()
    ]
    return [
        *lines,
        "  `caravan queues move MODEL TO` gives them to another model, `caravan queues cancel MODEL` ends them.",
        "",
    ]


class Start:
    """Looks at the parts of a cluster whose Redis answers, and shows them."""

    def __init__(
        self, cluster: Cluster, *, supervisor: Supervisor, watch: Watch, display: Display, asks: bool = True
    ) -> None:
        """`asks`: whether a first question is put to a model."""
        self._parts = cluster.parts()
        self._asleep = frozenset(part.name for part in self._parts if part.state == "asleep")
        self._has_flower = bool(cluster.flower)
        self._supervisor = supervisor
        self._watch = watch
        self._display = display
        self._addresses: list[str] | None = cluster.addresses()
        self._first: FirstAnswer | None = FirstAnswer(watch, cluster.catalogue if asks else Catalogue({}))
        self._failed: dict[str, str] = {}
        self._next_look = 0.0
        self.web_ready_at: float | None = None

    def look(self) -> None:
        """Called often; asks the cluster now and then."""
        now = time.monotonic()
        if now < self._next_look:
            return
        late = self.web_ready_at is not None and now - self.web_ready_at > PATIENCE_SECONDS
        self._next_look = now + (LATER_SECONDS if not self._first else SLOW_SECONDS if late else LOOK_SECONDS)
        if self._first:
            self._follow(now, self._first, late=late)
        elif (failed := self._watch.failed()) is not None:
            self._tell(failed)

    def _follow(self, now: float, first: FirstAnswer, *, late: bool) -> None:
        self._parts = self._look_at(now)
        self._display.show(self._parts)
        if self.web_ready_at is None:
            return
        if self._addresses and (late or all(part.settled for part in self._parts)):
            self._display.add(*self._addresses, *missing_models(self._watch.missing()))
            self._addresses = None
        if self._addresses is None and (answer := first.look(self._parts)) is not None:
            self._display.add(*answer)
            self._display.end()
            self._first = None

    def _look_at(self, now: float) -> list[Part]:
        """The parts as they are now."""
        web = self._watch.web()
        if web and self.web_ready_at is None:
            self.web_ready_at = now
        models = self._watch.models() if web else []
        workers, failed = worker_states(models), failed_models(models)
        self._failed = failed
        found: dict[str, tuple[State, str]] = {
            "redis": ("ready", ""),
            "web": ("ready" if web else "starting", ""),
            "clerk": ("ready" if self._supervisor.lived_seconds("clerk") > CLERK_SECONDS else "starting", ""),
            **({"flower": (self._watch.flower(), "")} if self._has_flower else {}),
            **workers,
            **{part.name: ("failed", failed[part.model]) for part in self._parts if part.model in failed},
        }
        return [self._seen(part, *found.get(part.name, self._at_first(part))) for part in self._parts]

    def _at_first(self, part: Part) -> tuple[State, str]:
        return ("asleep" if part.name in self._asleep else "starting"), ""

    def _seen(self, part: Part, state: State, detail: str) -> Part:
        if state != "ready" and self._supervisor.dies_again_and_again(part.name):
            state, detail = "failed", detail or "it dies repeatedly"
        return replace(part, state=state, detail=detail)

    def _tell(self, failed: Mapping[str, str]) -> None:
        """Say once that a model cannot be served any more, and once that it can."""
        for model, reason in failed.items():
            if model not in self._failed:
                self._display.tell(f"The model {model} cannot be served. {reason}")
        for model in self._failed.keys() - failed.keys():
            self._display.tell(f"The model {model} can be served again.")
        self._failed = dict(failed)
