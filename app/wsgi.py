"""What gunicorn serves: ``gunicorn app.wsgi:app``. Imported in each web process, after the fork."""

from __future__ import annotations

import os
import threading

from app.factory import create_app
from tasks import logs
from tasks.environment import read_settings
from tasks.queue.sweep import open_sweeper
from tasks.traces.courier import start_courier
from tasks.traces.tracer import open_tracer

_settings = read_settings()
logs.configure(_settings, "web")
_name = f"web-{os.uname().nodename}-{os.getpid()}"
tracer = open_tracer(_name)
"""Whoever ends this process closes it; None while traces are off."""
app = create_app(_settings, tracer)
open_sweeper(_settings, name=_name, models=app.extensions["caravan"].models).start(threading.Event())
if tracer is not None:
    start_courier(_settings, tracer)
