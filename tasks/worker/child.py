"""The process that serves a model, forked by the one that looks after it, and what it says of its start."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tasks.logs import get_logger
from tasks.queue.patience import PATIENTLY

CRASHED = 70
"""Exit status after an exception that nothing expected (EX_SOFTWARE of sysexits.h)."""
TELL_SECONDS = 1.0
"""How often a download is told of: each time is a write to Redis."""
TELL_PART = 0.05
"""So much of all bytes is told at once."""
_PR_SET_PDEATHSIG = 1
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD, signal.SIGHUP, PATIENTLY)

log = get_logger(__name__)


class Progress:
    """The child's end of the pipe: which phase of its start it is in. Whoever reads it may have gone."""

    def __init__(self, write_to: int) -> None:
        self._file = write_to
        self._percent = -1
        self._told_at, self._told_bytes = 0.0, 0

    def begin(self, phase: str, row_seconds: float = 0.0, *, on_gpu: bool = False) -> None:
        """The next phase begins; `row_seconds` is what one row took before, 0 if that is not known."""
        self._tell({"phase": phase, "row_seconds": row_seconds, "on_gpu": on_gpu})

    def loaded(self, fraction: float) -> None:
        """How much of the file is loaded, from 0 to 1."""
        percent = int(fraction * 100)
        if percent != self._percent:
            self._percent = percent
            self._tell({"phase": "loading", "progress": percent / 100})

    def downloaded(self, done: int, total: int) -> None:
        """So many bytes of the model's files are here; `total` is 0 if it is not known."""
        now = time.monotonic()
        if now - self._told_at >= TELL_SECONDS or done == total or done - self._told_bytes > TELL_PART * total:
            self._told_at, self._told_bytes = now, done
            part = {"progress": min(1.0, done / total)} if total else {}
            self._tell({"phase": "downloading", **part, "bytes": done, "total_bytes": total})

    def failed(self, reason: str, *, lasting: bool = False) -> None:
        """The model cannot be loaded; `lasting` is whether it cannot be until its file is another."""
        self._tell({"failed": reason, "lasting": lasting})

    def failed_proof(self, what: str) -> None:
        """The model computes what cannot be right, in the phase that began last."""
        self._tell({"wrong": what})

    def ready(self, **facts: Any) -> None:
        """The model is proven."""
        self._tell({"ready": True, **facts})

    def _tell(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the parent has died, and this process is about to
            os.write(self._file, json.dumps(message).encode() + b"\n")


class Child:
    """One forked process, as its parent sees it.

    Args:
        run: called in the child, with its end of the pipe; the exit status.
    """

    def __init__(self, run: Callable[[Progress], int]) -> None:
        self.started_at = time.monotonic()
        self.pipe, write_to = os.pipe()
        os.set_blocking(self.pipe, False)
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pipe)
            _run(run, Progress(write_to), parent)
        os.close(write_to)
        self._unread = b""
        self.wait_status: int | None = None

    def read(self) -> list[dict[str, Any]]:
        """What it has said since the last call."""
        while True:
            try:
                data = os.read(self.pipe, 65536)
            except BlockingIOError:
                break
            if not data:
                break
            self._unread += data
        *lines, self._unread = self._unread.split(b"\n")
        return [json.loads(line) for line in lines]

    def reap(self) -> bool:
        """Whether it has ended; `wait_status` tells how."""
        if self.wait_status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.wait_status = status
        return self.wait_status is not None

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended. A handler may come when that is known and not yet written down."""
        if self.wait_status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def bytes_read(self) -> int:
        """Bytes that it has read from disks: weights that are paged in, among others. 0 where that is not told."""
        try:
            lines = Path(f"/proc/{self.pid}/io").read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("read_bytes")), 0)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self.pipe)


def _run(run: Callable[[Progress], int], progress: Progress, parent: int) -> None:
    """In the child; never returns. Nothing of the parent's stack may be run here."""
    status = CRASHED
    try:
        _settle(parent)
        status = run(progress)
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 1
    except BaseException:
        log.exception("the worker's process failed")
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:  # whoever read what we write may have gone
            os._exit(status)


def _settle(parent: int) -> None:
    """Die with the parent, get no signals of its terminal, and take its handlers for none of ours."""
    signal.set_wakeup_fd(-1)
    for number in _FORWARDED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
    os.setpgid(0, 0)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it was to be told of
        os._exit(CRASHED)
