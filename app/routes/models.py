"""The models: OpenAI's list, and what the cluster makes of each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import Blueprint, Response, jsonify

from app.auth import catalogue
from app.model_view import view
from app.services import services
from tasks.overview import health, queues, workers

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
    """Each model's state: its workers, slots, depth and measured speed, and why it cannot be served."""
    return jsonify({"object": "list", "data": _views(list(catalogue()))})


@blueprint.post("/models/<name>/load")
def load(name: str) -> tuple[Response, int]:
    """Have a model loaded before its first job comes, where workers are started as they are needed."""
    catalogue().find(name)
    services().submitter.load(name)
    return jsonify(_views([name])[0]), 202


def _openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "caravan"}


def _views(names: Collection[str]) -> list[dict[str, Any]]:
    client, entries = services().redis, services().catalogue
    crew, healths = workers(client, names), health(client, names)
    return [view(entries[queue.model], queue, crew, healths[queue.model]) for queue in queues(client, names)]
