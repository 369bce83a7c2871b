"""What gunicorn serves: ``gunicorn app.wsgi:app``. Imported in each web process, after the fork."""

from __future__ import annotations

import os
import threading

from app.factory import create_app
from tasks import logs
from tasks.environment import read_settings
from tasks.queue.sweep import open_sweeper

_settings = read_settings()
logs.configure(_settings, "web")
app = create_app(_settings)
open_sweeper(_settings, name=f"web-{os.uname().nodename}-{os.getpid()}", models=app.extensions["caravan"].models).start(
    threading.Event()
)
