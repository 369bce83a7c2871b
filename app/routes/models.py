"""The models: OpenAI's list, and what the cluster makes of each."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from app.auth import catalogue
from app.services import services
from tasks.overview import QueueOverview, WorkerOverview, queues, workers

blueprint = Blueprint("models", __name__)


@blueprint.get("/v1/models")
def openai_list() -> Response:
    """The models that the caller may use, as OpenAI lists them. Asks no worker."""
    return jsonify({"object": "list", "data": [_openai_model(name) for name in catalogue()]})


@blueprint.get("/v1/models/<name>")
def openai_show(name: str) -> Response:
    """One model of the catalogue."""
    catalogue().find(name)
    return jsonify(_openai_model(name))


@blueprint.get("/models")
def index() -> Response:
    """Each model's state: its workers, slots, depth and measured speed."""
    models = catalogue()
    crew = workers(services().redis, models)
    found = queues(services().redis, models)
    return jsonify({"object": "list", "data": [_model(queue, crew) for queue in found]})


@blueprint.post("/models/<name>/load")
def load(name: str) -> tuple[Response, int]:
    """Have a model loaded before its first job comes, where workers are started as they are needed."""
    catalogue().find(name)
    services().submitter.load(name)
    (queue,) = queues(services().redis, [name])
    return jsonify(_model(queue, workers(services().redis, [name]))), 202


def _openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "caravan"}


def _model(queue: QueueOverview, crew: list[WorkerOverview]) -> dict[str, Any]:
    entry = services().catalogue[queue.model]
    own = [worker for worker in crew if worker.model == queue.model]
    return {
        "id": queue.model,
        "object": "model",
        "state": "loaded" if own else "asleep",
        "kind": entry.kind,
        "context": int(min((worker.figures.get("context", entry.context) for worker in own), default=entry.context)),
        "slots": sum(worker.slots for worker in own),
        "busy": int(sum(worker.figures["busy"] for worker in own)),
        "queued": queue.depth,
        "running": queue.running,
        "tokens_per_second": round(sum(worker.figures["tokens_per_second"] for worker in own), 1),
        "workers": [{"name": worker.name, "slots": worker.slots} for worker in own],
    }
