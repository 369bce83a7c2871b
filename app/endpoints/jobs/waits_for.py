"""What a queued job waits for, in words. Pure."""

from __future__ import annotations

from app.endpoints.jobs import wire
from tasks.ledger.overview import Crew, Health
from tasks.records.job import QueueState


def waits_for(
    model: str,
    *,
    in_catalogue: bool,
    queue_state: QueueState,
    crew: Crew,
    health: Health,
    position: int,
) -> wire.WaitsFor:
    """The first thing that has to change before the job can begin.

    Args:
        crew: that of the model.
        position: how many jobs begin before this one does, itself counted.
    """
    if not in_catalogue:
        return {
            "reason": "model_missing",
            "message": f"models.yaml has no model '{model}' any more, so no worker runs its jobs. Add it again, "
            "give its jobs to another model, or cancel them.",
        }
    if queue_state is QueueState.PAUSED:
        return {"reason": "queue_paused", "message": f"The queue of '{model}' is paused, until somebody resumes it."}
    if health.failed(serving=crew.workers > 0):
        return {"reason": "model_failed", "message": f"The model '{model}' cannot be served just now.{_why(health)}"}
    if not crew.workers:
        return _no_worker(model, health)
    before = {1: "It is the next to begin.", 2: "1 job begins before it."}
    return {"reason": "turn", "message": before.get(position, f"{position - 1} jobs begin before it.")}


def _no_worker(model: str, health: Health) -> wire.WaitsFor:
    loading = [start for start in health.starts if start.state == "loading"]
    if not loading:
        return {"reason": "no_worker", "message": f"No worker serves the model '{model}'."}
    does = "downloads" if health.downloading else "loads"
    progress = max((start.progress or 0.0 for start in loading), default=0.0)
    percent = f" ({progress:.0%})" if progress else ""
    return {"reason": "model_loading", "message": f"A worker {does} the model '{model}'{percent}."}


def _why(health: Health) -> str:
    reasons = [start.reason for start in health.starts if start.reason]
    return f" {reasons[0]}" if reasons else " Its workers die; their logs have the cause."
