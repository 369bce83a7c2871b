"""``GET /queues``: what waits, by model."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from app.auth import catalogue
from app.services import services
from tasks.overview import queues

blueprint = Blueprint("queues", __name__)


@blueprint.get("/queues")
def index() -> Response:
    """Depth by priority, jobs that run, and the age of the oldest job that has not ended."""
    return jsonify(
        {
            "object": "list",
            "data": [
                {
                    "model": queue.model,
                    "object": "queue",
                    "depth": queue.depth,
                    "queued": dict(queue.queued),
                    "running": queue.running,
                    "oldest_age_seconds": round(queue.oldest_age_seconds, 3),
                }
                for queue in queues(services().redis, catalogue())
            ],
        }
    )
