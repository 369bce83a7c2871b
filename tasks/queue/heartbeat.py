"""The file by which whoever tends a process sees that it lives: touched while the work goes on."""

from __future__ import annotations

from pathlib import Path

from tasks.logs import get_logger

log = get_logger(__name__)


class Heartbeat:
    """Touches a file; with no path it does nothing.

    The file of an earlier process is removed first: until the first beat there is none, and so a worker whose model is
    not loaded yet is not taken for one that serves.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            path.unlink(missing_ok=True)

    def beat(self) -> None:
        """Never raises: a worker that cannot touch its file still decodes."""
        if self._path is None:
            return
        try:
            self._path.touch()
        except OSError as exc:
            log.warning("the heartbeat's file cannot be touched", error=str(exc))
