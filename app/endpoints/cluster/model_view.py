"""Models as they are shown (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.endpoints.cluster.wire import (
    ModelCondition,
    ModelHealth,
    ModelState,
    Queue,
    Reload,
    ScalingDecision,
    WorkerStart,
    WorkerState,
)
from app.endpoints.openai.wire import ModelMeta, OpenAIModel
from tasks.ledger.overview import Crew, Health, QueueOverview, StartOverview, WorkerOverview
from tasks.ledger.scaling import Record, Supply
from tasks.models.catalogue import ModelEntry
from tasks.models.changes import Changes

SHOWN_WORKERS: Final = 100
"""Of a model. Their number is told in any case."""


def view(
    entry: ModelEntry,
    queue: QueueOverview,
    crew: Crew,
    workers: Iterable[WorkerOverview],
    health: Health,
    *,
    supply: Supply,
    by_demand: bool,
    records: Iterable[Record],
) -> ModelState:
    """A model as `GET /models` shows it.

    Args:
        supply: what whoever starts workers says of the model.
        by_demand: whether workers of this catalogue come and go by demand.
        records: decisions of any models, newest first.
    """
    own = sorted((worker for worker in workers if worker.model == queue.model), key=lambda worker: worker.name)
    return {
        "id": queue.model,
        "object": "model",
        **state(queue.model, workers=crew.workers, health=health, supply=supply),
        "by_demand": by_demand,
        "kind": entry.kind,
        "aliases": list(entry.aliases),
        "tags": list(entry.tags),
        "adapters": [{"name": adapter, "scale": each.scale} for adapter, each in entry.adapters.items()],
        "context": min((worker.context or entry.context for worker in own), default=entry.context),
        "slots": crew.slots,
        "busy": crew.busy,
        "queued": queue.depth,
        "running": queue.running,
        "tokens_per_second": crew.tokens_per_second,
        "num_workers": crew.workers,
        "workers": [_worker(worker) for worker in own],
        "starting": [_start(start) for start in health.starts[:SHOWN_WORKERS]],
        "decisions": [_decision(record) for record in records if record.model == queue.model],
    }


def reloaded(changes: Changes) -> Reload:
    """What has changed in the catalogue."""
    return {
        "object": "models.reload",
        "added": list(changes.added),
        "removed": list(changes.removed),
        "changed": list(changes.changed),
    }


def queue_view(queue: QueueOverview, *, in_catalogue: bool) -> Queue:
    """A queue as `GET /queues` shows it."""
    return {
        "model": queue.model,
        "object": "queue",
        "in_catalogue": in_catalogue,
        "state": queue.state,
        "depth": queue.depth,
        "queued": {"high": queue.queued["high"], "normal": queue.queued["normal"], "low": queue.queued["low"]},
        "running": queue.running,
        "oldest_age_seconds": round(queue.oldest_age_seconds, 3),
    }


def openai_view(name: str, entry: ModelEntry, meta: ModelMeta | None, *, own: str) -> OpenAIModel:
    """A model as OpenAI lists it, with what llama-server adds; with an adapter, what vLLM adds as well.

    Args:
        own: the model's own name.
    """
    told: OpenAIModel = {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "caravan",
        "aliases": [f"{alias}{name.removeprefix(own)}" for alias in entry.aliases],
        "tags": list(entry.tags),
        "meta": meta,
    }
    if name != own:
        told["parent"] = own
    return told


def _worker(worker: WorkerOverview) -> WorkerState:
    return {
        "name": worker.name,
        "slots": worker.slots,
        "processor": worker.processor,
        "memory_bytes": int(worker.figures.get("memory_bytes", 0)),
        "cache_tokens": int(worker.figures.get("cells", 0)),
        "cache_tokens_used": int(worker.figures.get("cells_used", 0)),
    }


def _start(start: StartOverview) -> WorkerStart:
    shown: WorkerStart = {"name": start.worker, "state": start.state, "phase": start.phase}
    if start.progress is not None:
        shown["progress"] = start.progress
    if start.bytes is not None and start.downloads:
        shown["bytes"], shown["total_bytes"] = start.bytes, start.total_bytes
    if start.reason:
        shown["reason"] = start.reason
    return shown


def _decision(record: Record) -> ScalingDecision:
    return {
        "at": round(record.at, 3),
        "action": record.action,
        "worker": record.worker,
        "reason": record.reason,
    }


def state(model: str, *, workers: int, health: Health, supply: Supply) -> ModelHealth:
    """What can be said of a model in a word, with the reason if it fails or waits for room."""
    if health.failed(serving=workers > 0):
        return {"state": "failed", "reason": _trouble(model, health) if health.in_trouble else health.starts[0].reason}
    found = _condition(workers, health, supply)
    return {"state": found, "reason": supply.reason} if supply.reason else {"state": found}


def _condition(workers: int, health: Health, supply: Supply) -> ModelCondition:
    if workers > supply.draining:
        return "loaded"
    if health.starts:
        return "downloading" if health.downloading else "loading"
    if supply.starting:  # a worker's process that has not said yet how far it is
        return "loading"
    if supply.draining:
        return "draining"
    return "absent" if supply.absent else "asleep"


def _trouble(model: str, health: Health) -> str:
    how = next(iter(health.trouble.values()))
    return (
        f"Workers of '{model}' died of {len(health.trouble)} jobs one after the other ({how}), and no job had a token "
        "in between. Its jobs wait, and workers try one at a time, a minute apart at most. Read the workers' logs and "
        "run `caravan doctor`."
    )
