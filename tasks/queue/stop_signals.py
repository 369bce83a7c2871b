"""How a Celery worker is told to stop."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Protocol

from celery.apps.worker import install_worker_term_handler, install_worker_term_hard_handler

from tasks.queue.patience import PATIENTLY


class Patient(Protocol):
    """What can wait for all that it runs. Its methods are called in handlers of signals."""

    def be_patient(self) -> None:
        """The stop that is about to begin waits for it."""

    def hurry(self) -> None:
        """It waits no longer than usual from now on."""


def stop_on_signals(program: Any, patient: Patient | None = None) -> None:
    """Have Ctrl-C stop a worker as SIGTERM does, with status 0 and without Celery's advice. A second one does not wait.

    Celery 5 installs its own handlers when the worker starts.

    Args:
        patient: is told if the worker shall end first what it runs, and if it shall do so no longer.
    """
    tweak = program.install_platform_tweaks

    def tweaked(worker: Any) -> None:
        tweak(worker)
        install_worker_term_handler(worker, verbose=False)
        install_worker_term_handler(worker, sig="SIGINT", callback=_again, verbose=False)
        if patient is not None:
            _stop_patiently(patient)

    program.install_platform_tweaks = tweaked


def _stop_patiently(patient: Patient) -> None:
    usual = signal.getsignal(signal.SIGTERM)
    assert callable(usual)

    def stop(_number: int, frame: FrameType | None) -> None:
        patient.be_patient()
        signal.signal(signal.SIGTERM, lambda *_: patient.hurry())
        usual(signal.SIGTERM, frame)

    signal.signal(PATIENTLY, stop)


def _again(worker: Any) -> None:
    install_worker_term_hard_handler(worker, sig="SIGINT", verbose=False)
