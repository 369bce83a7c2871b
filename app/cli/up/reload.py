"""Reading models.yaml again while the cluster runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tasks.models import accepted
from tasks.models.catalogue import Catalogue, CatalogueError
from tasks.models.changes import Changes
from tasks.models.current import CurrentCatalogue

FILE = "models.accepted.json"
"""Under `--data`: what was accepted last."""
LOOK_SECONDS = 0.5
TERMINAL = "/dev/tty"


class Hangup:
    """SIGHUP: somebody asks for models.yaml to be read again; or the terminal has gone, and the cluster with it.

    Args:
        stop: called in the handler when the terminal has gone. Under `nohup` it does not end the cluster.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.asked = False
        self._stop = stop
        self._had_terminal = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
        signal.signal(signal.SIGHUP, self._come)

    def _come(self, _number: int, _frame: FrameType | None) -> None:
        if self._had_terminal and not _has_terminal():
            self._stop()
        self.asked = True


class Reload:
    """Reads the file again when it is asked for, notices when a web process has done so, and has workers follow.

    Args:
        file: models.yaml; None for the demo model alone.
        copy: where the other programs find what was accepted.
        follow: is given the models, those that leave, and what has changed.
        tell: is told the outcome in a sentence.
    """

    def __init__(
        self,
        file: Path | None,
        copy: Path,
        *,
        hangup: Hangup,
        follow: Callable[[Catalogue, Catalogue, Changes], None],
        tell: Callable[[str], None],
    ) -> None:
        self._hangup = hangup
        self._follow = follow
        self._tell = tell
        self._look_at = 0.0
        self._models = CurrentCatalogue(file, copy=copy, on_change=self._changed)

    def tend(self) -> None:
        """Called often."""
        if self._hangup.asked:
            self._hangup.asked = False
            try:
                if not self._models.reload():
                    self._tell("models.yaml was read again: nothing has changed.")
            except CatalogueError as exc:
                self._tell(f"models.yaml was not read again: {exc}")
        elif time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._models.look_at_copy()

    def _changed(self, changes: Changes) -> None:
        if changes:
            self._tell(f"models.yaml was read again: {changes.text}.")
        self._follow(self._models.now, self._models.leaving, changes)


def accept_first(catalogue: Catalogue, copy: Path) -> None:
    """Write down with what the cluster starts. Raises OSError."""
    accepted.write(copy, accepted.of(catalogue))


def _has_terminal() -> bool:
    """Whether this process has a terminal that is still there."""
    try:
        os.close(os.open(TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
