"""What gunicorn serves: ``gunicorn app.wsgi:app``. Imported in each web process, after the fork."""

from __future__ import annotations

import os
import threading

from app.factory import create_app
from tasks import logs
from tasks.celery_app import create_publisher
from tasks.dispatch import Dispatcher
from tasks.job_store import open_store
from tasks.redis_client import connect
from tasks.settings import Settings
from tasks.sweep import Sweeper

_settings = Settings()
logs.configure(_settings)
app = create_app(_settings)

_store = open_store(_settings)
Sweeper(
    connect(_settings.redis_url),
    _store,
    Dispatcher(_store, create_publisher(_settings)),
    name=f"web-{os.uname().nodename}-{os.getpid()}",
    models=app.extensions["caravan"].catalogue,
).start(threading.Event())
