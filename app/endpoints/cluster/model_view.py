"""Models as they are shown (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tasks.ledger.overview import Health, QueueOverview, StartOverview, WorkerOverview
from tasks.models.catalogue import ModelEntry


def view(entry: ModelEntry, queue: QueueOverview, workers: Iterable[WorkerOverview], health: Health) -> dict[str, Any]:
    """A model as `GET /models` shows it."""
    own = [worker for worker in workers if worker.model == queue.model]
    return {
        "id": queue.model,
        "object": "model",
        **state(queue.model, serving=bool(own), health=health),
        "kind": entry.kind,
        "context": int(min((worker.figures.get("context", entry.context) for worker in own), default=entry.context)),
        "slots": sum(worker.slots for worker in own),
        "busy": int(sum(worker.figures["busy"] for worker in own)),
        "queued": queue.depth,
        "running": queue.running,
        "tokens_per_second": round(sum(worker.figures["tokens_per_second"] for worker in own), 1),
        "workers": [{"name": worker.name, "slots": worker.slots, "processor": worker.processor} for worker in own],
        "starting": [_start(start) for start in health.starts],
    }


def _start(start: StartOverview) -> dict[str, Any]:
    shown = {"name": start.worker, "state": start.state, "phase": start.phase}
    more = {"progress": start.progress, "reason": start.reason or None}
    return shown | {name: value for name, value in more.items() if value is not None}


def state(model: str, *, serving: bool, health: Health) -> dict[str, str]:
    """``loaded``, ``loading``, ``asleep``, or ``failed`` with the reason."""
    if health.failed(serving=serving):
        return {"state": "failed", "reason": _trouble(model, health) if health.in_trouble else health.starts[0].reason}
    if serving:
        return {"state": "loaded"}
    return {"state": "loading" if health.starts else "asleep"}


def _trouble(model: str, health: Health) -> str:
    how = next(iter(health.trouble.values()))
    return (
        f"Workers of '{model}' died of {len(health.trouble)} jobs one after the other ({how}), and no job had a token "
        "in between. Its jobs wait, and workers try one at a time, a minute apart at most. Read the workers' logs and "
        "run `caravan doctor`."
    )
