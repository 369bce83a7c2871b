"""The parts of a cluster as `caravan up` shows them (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.cli.words import counted

State = Literal["starting", "loading", "ready", "failed", "asleep"]
MOST_WORKERS = 3
"""Lines for workers; of more, a line a model; of more models, one line."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line: a program, what it is, and how far it has come."""

    name: str
    what: str
    state: State = "starting"
    detail: str = ""
    model: str = ""
    """Of a worker."""

    @property
    def settled(self) -> bool:
        """Whether it will not become anything else by itself, as far as one knows."""
        return self.state in ("ready", "failed", "asleep")

    @property
    def text(self) -> str:
        return ": ".join(filter(None, (self.state, self.detail))) if self.detail else f"{self.state:<8}  {self.what}"


def lines(parts: Sequence[Part]) -> list[Part]:
    """One line a part; workers are put together when they are many."""
    workers = [part for part in parts if part.model]
    if len(workers) <= MOST_WORKERS:
        return list(parts)
    models = list(dict.fromkeys(worker.model for worker in workers))
    if len(models) <= MOST_WORKERS:
        grouped = [_together(model, [each for each in workers if each.model == model]) for model in models]
    else:
        grouped = [_together("workers", workers)]
    at = parts.index(workers[0])
    return [*parts[:at], *grouped, *(part for part in parts[at:] if not part.model)]


def worker_states(models: Iterable[Mapping[str, Any]]) -> dict[str, tuple[State, str]]:
    """State and detail of each worker that `GET /models` tells of."""
    found: dict[str, tuple[State, str]] = {}
    for model in models:
        for start in model.get("starting", ()):
            found[start["name"]] = _start(start)
        for worker in model.get("workers", ()):
            found[worker["name"]] = ("ready", "")
    return found


def failed_models(models: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Why models cannot be served."""
    return {model["id"]: str(model.get("reason", "")) for model in models if model.get("state") == "failed"}


def _start(start: Mapping[str, Any]) -> tuple[State, str]:
    if start.get("state") == "failed":
        return "failed", str(start.get("reason", ""))
    phase, progress = start.get("phase", ""), start.get("progress")
    if phase == "loading":
        return "loading", "" if progress is None else f"{progress:.0%}"
    if phase == "downloading" and progress is not None:
        return "starting", f"{phase} {progress:.0%}"
    return "starting", phase if phase != "starting" else ""


def _together(name: str, workers: Sequence[Part]) -> Part:
    ready = sum(worker.state == "ready" for worker in workers)
    worst = next((each for each in workers if each.state == "failed"), None)
    worst = worst or next((each for each in workers if not each.settled), workers[0])
    what = f"{ready} of {counted(len(workers), 'worker')}"
    detail = worst.detail and f"{what} are ready; {worst.name}: {worst.detail}"
    return replace(worst, name=name, what=what, detail=detail)
