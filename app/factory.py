"""The one place that wires the front together."""

from __future__ import annotations

from flask import Flask

from app.access import caller, limits, scopes
from app.console import routes as console
from app.endpoints import faces
from app.endpoints.cluster import flower
from app.endpoints.table import BLUEPRINTS, DESCRIBED
from app.http import access_log, cors, errors, other_sites, query, request_id, short_paths, traces
from app.http.json_pieces import PiecewiseJSON
from app.http.options import Front
from app.services.http_metrics import HttpMetrics
from app.services.open_streams import OpenStreams
from app.services.rate_counter import Rates
from app.services.redis_memory import RedisMemory
from app.services.services import Services
from app.services.tokenizer_infos import TokenizerInfos
from tasks.batches.store import open_batches
from tasks.files.store import open_files
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.connection import connect
from tasks.ledger.conversations import Conversations
from tasks.ledger.ledger import open_ledger
from tasks.ledger.sessions import SessionStore
from tasks.ledger.stream_hub import StreamHub
from tasks.models.current import open_catalogue
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.service import QueueService
from tasks.settings import Settings
from tasks.traces.tracer import Tracer


def create_app(settings: Settings, tracer: Tracer | None = None) -> Flask:
    """The WSGI application. Raises CatalogueError if models.yaml does not make sense; connects to nothing yet.

    Args:
        tracer: exports the spans of requests; None while traces are off.
    """
    app = Front("app", static_folder=None)
    app.url_map.strict_slashes = False  # clients that join addresses by hand end some with a slash
    app.json = PiecewiseJSON(app)
    metrics = HttpMetrics()
    client = connect(settings.ledger_url, errors=metrics.redis_errors)
    ledger, models = open_ledger(settings, client), open_catalogue(settings, any_name=settings.any_model_name)
    app.extensions["caravan"] = Services(
        settings=settings,
        models=models,
        redis=client,
        broker=connect(settings.celery_broker_url, errors=metrics.redis_errors),
        ledger=ledger,
        queue=QueueService(
            ledger.admission,
            ledger.wants,
            Dispatcher(ledger.line, create_publisher(settings)),
            longest_queue=settings.max_queue,
            keep_alive=models.keep_alive,
        ),
        hub=StreamHub(client),
        metrics=metrics,
        keys=KeyStore(client),
        conversations=Conversations(client, seconds=settings.result_ttl),
        sessions=SessionStore(client),
        rates=Rates(client),
        streams=OpenStreams(client),
        redis_memory=RedisMemory(client),
        tokenizer_infos=TokenizerInfos(),
        files=open_files(settings, client),
        batches=open_batches(settings, client),
        described=DESCRIBED,
    )
    request_id.install(app)
    traces.install(app, tracer)
    access_log.install(app)
    app.extensions["caravan"].metrics.install(app)
    errors.install(app, faces.form)
    cors.install(app, settings.cors_origins)
    other_sites.install(app, settings, controls=lambda: scopes.controls(app) or flower.is_asked())
    caller.install(app)
    limits.install(app)
    caller.install_scopes(app)
    query.install(app, DESCRIBED.calls)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    console.install(app)
    short_paths.install(app)
    if settings.flower_url:
        flower.mount(app, settings.flower_url)
    return app
