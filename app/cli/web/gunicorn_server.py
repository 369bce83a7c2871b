"""gunicorn, configured by our settings instead of a file."""

from __future__ import annotations

import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from prometheus_client.multiprocess import mark_process_dead

from app.cli.web.gunicorn_worker import Worker
from app.cli.web.ports import netloc
from tasks.interpreter import freeze_objects
from tasks.settings import Settings


def _forget_metrics(_server: Any, worker: Any) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _close_tracer(_server: Any, _worker: Any) -> None:
    """In a worker that ends, unless it has not come so far as to load the application."""
    if (wsgi := sys.modules.get("app.wsgi")) and wsgi.tracer is not None:
        wsgi.tracer.close()


class RootLogger(Logger):
    """gunicorn's own lines, in the form of all others. Requests are logged by `app.http.access_log`."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to the root logger; called again when gunicorn reads its configuration again."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True


class Server(BaseApplication):
    """Serves `app.wsgi` with gevent workers: a greenlet a client, so a process holds thousands of streams."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    @property
    def body_seconds(self) -> float:
        """How long a request's body may take; workers ask for it."""
        return self._settings.body_seconds

    def load_config(self) -> None:
        options = {
            "bind": netloc(self._settings.host, self._settings.port),
            "workers": self._settings.web_processes,
            "worker_class": Worker,
            "worker_connections": self._settings.web_connections,
            "graceful_timeout": int(self._settings.drain_seconds),
            "timeout": 60,
            "keepalive": 30,  # also for a request's headers, and for what is left of a body that was refused
            "sendfile": False,  # by itself, a file goes around the paced socket
            "loglevel": "warning",
            "logger_class": RootLogger,
            "proc_name": "caravan-web",
            "child_exit": _forget_metrics,
            "worker_exit": _close_tracer,
            "control_socket_disable": True,  # gunicorn 27 has one for all servers of a user, in the home folder
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        # Imported here, in each worker, after gevent has patched the standard library.
        from app.wsgi import app

        freeze_objects()
        return app
