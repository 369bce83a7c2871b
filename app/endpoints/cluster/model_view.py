"""Models as they are shown (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from app.endpoints.cluster.wire import ModelHealth, ModelState, WorkerStart
from tasks.ledger.overview import Health, QueueOverview, StartOverview, WorkerOverview
from tasks.models.catalogue import ModelEntry


def view(entry: ModelEntry, queue: QueueOverview, workers: Iterable[WorkerOverview], health: Health) -> ModelState:
    """A model as `GET /models` shows it."""
    own = [worker for worker in workers if worker.model == queue.model]
    return {
        "id": queue.model,
        "object": "model",
        **state(queue.model, serving=bool(own), health=health),
        "kind": entry.kind,
        "context": min((worker.context or entry.context for worker in own), default=entry.context),
        "slots": sum(worker.slots for worker in own),
        "busy": sum(worker.busy for worker in own),
        "queued": queue.depth,
        "running": queue.running,
        "tokens_per_second": round(sum(worker.tokens_per_second for worker in own), 1),
        "workers": [{"name": worker.name, "slots": worker.slots, "processor": worker.processor} for worker in own],
        "starting": [_start(start) for start in health.starts],
    }


def _start(start: StartOverview) -> WorkerStart:
    shown: WorkerStart = {"name": start.worker, "state": start.state, "phase": start.phase}
    if start.progress is not None:
        shown["progress"] = start.progress
    if start.reason:
        shown["reason"] = start.reason
    return shown


def state(model: str, *, serving: bool, health: Health) -> ModelHealth:
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
