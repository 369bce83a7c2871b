"""Whether this process lives, whether it can accept jobs, and its figures."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from app.auth import catalogue_of, known_caller
from app.model_view import state
from app.services import services
from tasks import names
from tasks.models.catalogue import Catalogue
from tasks.overview import health, workers
from tasks.redis_client import refusals_as_absence

PROBE_SECONDS = 10

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """The process answers. Asks nobody."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
def ready() -> Response:
    """Jobs are accepted: the ledger takes writes. A model that sleeps does not matter, since its jobs wait.

    Whoever may use models is told the state of each, and why it cannot be served.
    """
    with refusals_as_absence():
        services().redis.set(names.probe(), 1, ex=PROBE_SECONDS)
    caller = known_caller()
    if caller is None:
        return jsonify({"status": "ok"})
    return jsonify({"status": "ok", "models": _models(catalogue_of(caller))})


def _models(models: Catalogue) -> dict[str, dict[str, str]]:
    client = services().redis
    serving = {worker.model for worker in workers(client, models)}
    healths = health(client, models)
    return {model: state(model, serving=model in serving, health=healths[model]) for model in models}


@blueprint.get("/metrics")
def metrics() -> Response:
    """All figures of the cluster, in Prometheus' text format."""
    page = services().metrics.page(services().redis, services().catalogue)
    return Response(page, content_type=CONTENT_TYPE_LATEST)
