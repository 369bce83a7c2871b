"""Models as they are shown (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.endpoints.cluster.wire import ModelHealth, ModelState, WorkerStart
from app.endpoints.openai.wire import ModelMeta, OpenAIModel
from tasks.ledger.overview import Crew, Health, QueueOverview, StartOverview, WorkerOverview
from tasks.models.catalogue import ModelEntry

SHOWN_WORKERS: Final = 100
"""Of a model. Their number is told in any case."""


def view(
    entry: ModelEntry, queue: QueueOverview, crew: Crew, workers: Iterable[WorkerOverview], health: Health
) -> ModelState:
    """A model as `GET /models` shows it."""
    own = sorted((worker for worker in workers if worker.model == queue.model), key=lambda worker: worker.name)
    return {
        "id": queue.model,
        "object": "model",
        **state(queue.model, serving=crew.workers > 0, health=health),
        "kind": entry.kind,
        "aliases": list(entry.aliases),
        "tags": list(entry.tags),
        "context": min((worker.context or entry.context for worker in own), default=entry.context),
        "slots": crew.slots,
        "busy": crew.busy,
        "queued": queue.depth,
        "running": queue.running,
        "tokens_per_second": crew.tokens_per_second,
        "num_workers": crew.workers,
        "workers": [{"name": worker.name, "slots": worker.slots, "processor": worker.processor} for worker in own],
        "starting": [_start(start) for start in health.starts[:SHOWN_WORKERS]],
    }


def openai_view(name: str, entry: ModelEntry, meta: ModelMeta | None) -> OpenAIModel:
    """A model as OpenAI lists it, with what llama-server adds."""
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "caravan",
        "aliases": list(entry.aliases),
        "tags": list(entry.tags),
        "meta": meta,
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
