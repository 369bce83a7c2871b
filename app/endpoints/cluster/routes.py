"""The cluster: models and their queues, whether the front lives and can accept jobs, and all figures."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping
from typing import cast

import redis
from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import MethodNotAllowed

from app.access.caller import caller, catalogue, catalogue_of, known_caller
from app.access.scopes import for_admins, for_scrapers, without_key
from app.bodies.validation import validate
from app.endpoints.anthropic.models import PAGE, VERSION, model_info, model_page
from app.endpoints.cluster import model_view
from app.endpoints.cluster.body import QueueMove
from app.endpoints.cluster.wire import InvalidModelsFile, ModelHealth, ModelState, Queue, QueueChange, WorkersFixed
from app.endpoints.openai.wire import ModelMeta, OpenAIModel
from app.http.content_encoding import encoded
from app.http.json_body import read_json
from app.services.services import services
from tasks.errors import BrokerUnavailable
from tasks.ledger import overview, scaling
from tasks.ledger.connection import UNAVAILABLE
from tasks.ledger.probe import written_and_read
from tasks.logs import get_logger
from tasks.models.catalogue import Catalogue, CatalogueError
from tasks.records.job import QueueState

models = Blueprint("models", __name__)
queues = Blueprint("queues", __name__)
health = Blueprint("health", __name__)

log = get_logger(__name__)

_WISH = re.compile(r"reload|.+/(un)?load")


@models.get("/v1/models")
def openai_list() -> Response:
    """List the models that the caller may use, in OpenAI's form, or in Anthropic's for its clients."""
    limit, after, before = PAGE.asked(), request.args.get("after_id"), request.args.get("before_id")
    if VERSION in request.headers:
        return jsonify(model_page([*catalogue().listed], limit=limit, after=after, before=before))
    return jsonify({"object": "list", "data": _openai_models(catalogue().listed)})


@models.get("/v1/models/<path:name>")
def openai_show(name: str) -> Response:
    """Show a model of the catalogue."""
    if name not in catalogue().names and request.path.startswith("/models/") and _WISH.fullmatch(name):
        raise MethodNotAllowed(["POST", "OPTIONS"])  # without /v1 it is the path of another call, which an alias may be
    models = catalogue()
    own, adapter = models.name_of(name), models.adapter_of(name)
    name = f"{own}:{adapter}" if adapter else own
    return jsonify(model_info(name) if VERSION in request.headers else _openai_models({name: own})[0])


@models.get("/models", endpoint="index")
def models_index() -> Response:
    """List the models with their states: workers, slots, depth, measured speed, and the reason of a failure."""
    return jsonify({"object": "list", "data": _model_states(list(catalogue()))})


@models.post("/models/reload")
@for_admins
def reload() -> Response:
    """Read models.yaml again, and tell what has changed. A file that makes no sense changes nothing.

    Other processes follow within a second or two. `caravan up` then starts, replaces and stops workers.
    """
    try:
        changes = services().models.reload(services().queue.announce_reload)
    except CatalogueError as exc:
        raise InvalidModelsFile(str(exc)) from exc
    return jsonify(model_view.reloaded(changes))


@models.post("/models/<path:name>/load")
def load(name: str) -> tuple[Response, int]:
    """Load a model before its first job arrives, if workers are started by demand."""
    name = catalogue().name_of(name)
    services().queue.load(name)
    return jsonify(_model_states([name])[0]), 202


@models.post("/models/<path:name>/unload")
@for_admins
def unload(name: str) -> tuple[Response, int]:
    """Stop a model's workers, if workers are started by demand. The next job loads it again, or a call of `load`.

    The workers drain: their jobs end, or wait, which loads the model again.
    """
    name = catalogue().name_of(name)
    if not services().catalogue.scales:
        raise WorkersFixed(
            f"The number of workers of '{name}' is fixed, as that of each model: nothing starts or stops workers. In "
            "models.yaml, give a model a `workers.min` below its `workers.max`."
        )
    services().queue.unload(name)
    return jsonify(_model_states([name])[0]), 202


def _openai_models(listed: Mapping[str, str]) -> list[OpenAIModel]:
    metas = _metas(set(listed.values()))
    models = catalogue()
    return [model_view.openai_view(name, models[own], metas.get(own), own=own) for name, own in listed.items()]


def _metas(names: Collection[str]) -> dict[str, ModelMeta]:
    """The models' sizes, as their workers tell them; none while Redis is away, without which models can be listed."""
    with contextlib.suppress(*UNAVAILABLE):
        workers = overview.workers(services().redis, names, most=1)
        return {each.model: cast("ModelMeta", each.measures) for each in workers if each.measures}
    return {}


def _model_states(names: Collection[str]) -> list[ModelState]:
    client, entries = services().redis, services().catalogue
    workers = overview.workers(client, names, most=model_view.SHOWN_WORKERS)
    crews, healths = overview.crews(client, names), overview.health(client, names)
    supplies = scaling.supplies(client, names)
    records = scaling.recorded(client) if caller().is_admin else []  # they name other models
    return [
        model_view.view(
            entries[queue.model],
            queue,
            crews[queue.model],
            workers,
            healths[queue.model],
            supply=supplies[queue.model],
            by_demand=entries.scales,
            records=records,
        )
        for queue in overview.queues(client, names)
    ]


@queues.get("/queues", endpoint="index")
def queues_index() -> Response:
    """List the queues: depth by priority, running jobs, and the age of the oldest job that has not ended.

    Admins see those of models, too, that have left the catalogue while jobs wait for them.
    """
    missing = services().ledger.missing.models(services().catalogue) if caller().is_admin else []
    found = overview.queues(services().redis, [*catalogue(), *missing])
    return jsonify({"object": "list", "data": [_queue(queue) for queue in found]})


@queues.post("/queues/<model>/pause")
@for_admins
def pause(model: str) -> Response:
    """Give no more jobs of a model to workers. New jobs are accepted, and running jobs continue."""
    return _set(model, QueueState.PAUSED)


@queues.post("/queues/<model>/drain")
@for_admins
def drain(model: str) -> Response:
    """Accept no more jobs of a model. Accepted jobs run to their ends."""
    return _set(model, QueueState.DRAINING)


@queues.post("/queues/<model>/resume")
@for_admins
def resume(model: str) -> Response:
    """End a pause or a drain."""
    return _set(model, QueueState.OPEN)


@queues.post("/queues/<model>/cancel")
@for_admins
def cancel(model: str) -> Response:
    """Cancel jobs that wait for a model, the oldest 1000. The model need not be in the catalogue any more."""
    return _changed(_with_jobs(model), services().queue.cancel_waiting(model))


@queues.post("/queues/<model>/move")
@for_admins
def move(model: str) -> Response:
    """Give jobs that wait for a model to another one, the oldest 1000. The former need not be in the catalogue."""
    to = validate(QueueMove, read_json()).to
    catalogue().find(to)
    return _changed(_with_jobs(model), services().queue.move_waiting(model, to))


def _with_jobs(model: str) -> str:
    """The model, if it is in the catalogue or has jobs; raises ModelNotFound."""
    if model not in services().ledger.missing.models(services().catalogue):
        catalogue().find(model)
    return model


def _changed(model: str, num_jobs: int) -> Response:
    (queue,) = overview.queues(services().redis, [model])
    changed: QueueChange = {"model": model, "object": "queue.change", "jobs": num_jobs, "left": queue.depth}
    return jsonify(changed)


def _set(model: str, state: QueueState) -> Response:
    catalogue().find(model)
    services().queue.set_queue_state(model, state)
    (queue,) = overview.queues(services().redis, [model])
    return jsonify(_queue(queue))


def _queue(queue: overview.QueueOverview) -> Queue:
    return model_view.queue_view(queue, in_catalogue=queue.model in services().models.served)


@health.get("/health", endpoint="short")
@health.get("/healthz")
@without_key
def alive() -> Response:
    """Check that this process is alive. It contacts no other process."""
    return jsonify({"status": "ok"})


@health.get("/readyz")
@without_key
def ready() -> Response:
    """Check that jobs are accepted: both databases of Redis take writes. A sleeping model is ready: its jobs wait.

    A caller who may use models also gets the state of each, and the reason of a failure.
    """
    _require_usable(services().redis, "ledger")
    _require_usable(services().broker, "broker")
    known = known_caller()
    if known is None:
        return jsonify({"status": "ok"})
    return jsonify({"status": "ok", "models": _model_healths(catalogue_of(known))})


def _require_usable(client: redis.Redis, database: str) -> None:
    try:
        is_usable = written_and_read(client)
    except redis.RedisError as exc:
        log.warning("a database of redis cannot be used", database=database, error=str(exc))
        is_usable = False
    if not is_usable:
        raise BrokerUnavailable(f"The {database}'s database of Redis cannot be written to and read just now.")


def _model_healths(models: Catalogue) -> dict[str, ModelHealth]:
    client = services().redis
    crews, healths = overview.crews(client, models), overview.health(client, models)
    supplies = scaling.supplies(client, models)
    return {
        model: model_view.state(model, workers=crews[model].workers, health=healths[model], supply=supplies[model])
        for model in models
    }


@health.get("/metrics")
@for_scrapers
def metrics() -> Response:
    """The metrics of the whole cluster in Prometheus' text format."""
    page = services().metrics.page(services().redis, services().catalogue)
    return encoded(Response(page, content_type=CONTENT_TYPE_LATEST), for_one_that_takes=request.accept_encodings)


BLUEPRINTS = (models, queues, health)
