"""How a Celery worker is told to stop."""

from __future__ import annotations

from typing import Any

from celery.apps.worker import install_worker_term_handler, install_worker_term_hard_handler


def stop_on_signals(program: Any) -> None:
    """Have Ctrl-C stop a worker as SIGTERM does, with status 0 and without Celery's advice. A second one does not wait.

    Celery 5 installs its own handlers when the worker starts.
    """
    tweak = program.install_platform_tweaks

    def tweaked(worker: Any) -> None:
        tweak(worker)
        install_worker_term_handler(worker, verbose=False)
        install_worker_term_handler(worker, sig="SIGINT", callback=_again, verbose=False)

    program.install_platform_tweaks = tweaked


def _again(worker: Any) -> None:
    install_worker_term_hard_handler(worker, sig="SIGINT", verbose=False)
