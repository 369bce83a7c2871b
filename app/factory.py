"""The one place that wires the front together."""

from __future__ import annotations

from flask import Flask

from app import access_log, auth, cors, errors, limits, request_id
from app.metrics import HttpMetrics
from app.rates import Rates
from app.routes import (
    batches,
    chat,
    completions,
    docs,
    embeddings,
    files,
    flower,
    health,
    jobs,
    keys,
    models,
    queues,
    responses,
    tokens,
)
from app.services import Services
from app.stream_hub import StreamHub
from tasks.bulk.batch_store import open_batches
from tasks.celery_app import create_publisher
from tasks.dispatch import Dispatcher
from tasks.files.store import open_files
from tasks.job_store import open_store
from tasks.key_store import KeyStore
from tasks.models.catalogue import load
from tasks.redis_client import connect
from tasks.settings import Settings
from tasks.submit import Submitter


def create_app(settings: Settings) -> Flask:
    """The WSGI application. Raises CatalogueError if models.yaml does not make sense; connects to nothing yet."""
    app = Flask("app", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    metrics = HttpMetrics()
    client = connect(settings.redis_url, errors=metrics.redis_errors)
    store, catalogue = open_store(settings, client), load(settings.models_file)
    app.extensions["caravan"] = Services(
        settings=settings,
        catalogue=catalogue,
        redis=client,
        store=store,
        submitter=Submitter(
            store,
            Dispatcher(store, create_publisher(settings)),
            longest_queue=settings.max_queue,
            keep_alive={name: entry.keep_alive for name, entry in catalogue.items()},
        ),
        hub=StreamHub(client),
        metrics=metrics,
        keys=KeyStore(client),
        rates=Rates(client),
        files=open_files(settings, client),
        batches=open_batches(settings, client),
    )
    request_id.install(app)
    access_log.install(app)
    app.extensions["caravan"].metrics.install(app)
    errors.install(app)
    cors.install(app, settings.cors_origins)
    auth.install(app)
    limits.install(app)
    for routes in (
        *(jobs, chat, completions, responses, embeddings, files, batches),
        *(tokens, models, queues, health, keys, docs),
    ):
        app.register_blueprint(routes.blueprint)
    if settings.flower_url:
        flower.mount(app, settings.flower_url)
    return app
