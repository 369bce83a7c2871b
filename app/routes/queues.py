"""``/queues``: what waits, by model; pause, drain and open a model's queue."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from app.auth import catalogue
from app.services import services
from tasks.jobs import QueueState
from tasks.overview import QueueOverview, queues

blueprint = Blueprint("queues", __name__)


@blueprint.get("/queues")
def index() -> Response:
    """Depth by priority, jobs that run, and the age of the oldest job that has not ended."""
    found = queues(services().redis, catalogue())
    return jsonify({"object": "list", "data": [_view(queue) for queue in found]})


@blueprint.post("/queues/<model>/pause")
def pause(model: str) -> Response:
    """Give no more jobs of a model to workers. Jobs are accepted, and those that run go on."""
    return _set(model, QueueState.PAUSED)


@blueprint.post("/queues/<model>/drain")
def drain(model: str) -> Response:
    """Accept no more jobs of a model. Those that are there come to their end."""
    return _set(model, QueueState.DRAINING)


@blueprint.post("/queues/<model>/resume")
def resume(model: str) -> Response:
    """End a pause or a drain."""
    return _set(model, QueueState.OPEN)


def _set(model: str, state: QueueState) -> Response:
    catalogue().find(model)
    services().submitter.set_queue_state(model, state)
    (queue,) = queues(services().redis, [model])
    return jsonify(_view(queue))


def _view(queue: QueueOverview) -> dict[str, Any]:
    return {
        "model": queue.model,
        "object": "queue",
        "state": queue.state.value,
        "depth": queue.depth,
        "queued": dict(queue.queued),
        "running": queue.running,
        "oldest_age_seconds": round(queue.oldest_age_seconds, 3),
    }
