"""The cluster at a glance, of what was read (pure)."""

from __future__ import annotations

from app.endpoints.cluster import model_view
from app.endpoints.overview.wire import ModelGlance
from tasks.ledger.overview import Crew, Health, QueueOverview, eta_seconds
from tasks.ledger.scaling import Supply
from tasks.records.job import QueueState


def glance(
    queue: QueueOverview,
    *,
    crew: Crew,
    health: Health,
    supply: Supply,
    in_catalogue: bool,
    dead_letters: int,
) -> ModelGlance:
    """A model in sums, however many workers it has."""
    state = model_view.state(queue.model, workers=crew.workers, health=health, supply=supply)
    known = [start.progress for start in health.starts if start.progress is not None]
    paused = queue.state is QueueState.PAUSED
    eta = None if paused else eta_seconds(crew, queue.depth + 1)
    return {
        "id": queue.model,
        "state": state["state"],
        "reason": state.get("reason"),
        "workers": crew.workers,
        "starting": len(health.starts),
        "progress": max(known, default=None),
        "slots": crew.slots,
        "busy": crew.busy,
        "tokens_per_second": round(crew.tokens_per_second, 3),
        "queue": model_view.queue_view(queue, in_catalogue=in_catalogue),
        "eta_seconds": None if eta is None else round(eta, 1),
        "dead_letters": dead_letters,
    }
