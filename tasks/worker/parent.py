"""The process that looks after the one that serves: it never loads a model, so whatever a library does, it lives.

It forks the serving process, follows its start, tells the ledger when the model cannot be served and why, and when the
process dies, gives its jobs back with what is known of the death. Then it forks the next, which has all modules
imported already.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType

from tasks.logs import get_logger
from tasks.queue.patience import PATIENTLY
from tasks.worker.child import Child, Progress
from tasks.worker.death import Death, OutOfMemoryKills, classify
from tasks.worker.start import Ending, Start, Watch, explain, pause_seconds
from tasks.worker.stop_flag import StopFlag

SETTLED_SECONDS = 10.0
"""A process that served so long starts with the first pause again."""
CHANCE = 3
"""A start that is ended from outside so often in a row is a failure of the model's."""
TICK_SECONDS = 0.25
SIGN_SECONDS = 2.0
"""How often the model's files are looked at between tries."""
LOOK_SECONDS = 10.0
"""How often the kernel's count of kills is looked at: it may tell of others' deaths."""

log = get_logger(__name__)


class Parent:
    """Keeps one serving process alive. Made in the main thread, since it handles signals.

    Args:
        serve: runs in the child until it is told to stop; the exit status.
        release: gives back what the last process was running, with how it died; None for an unknown earlier one.
        report: tells the ledger how the start goes; it must not raise, and not take long.
        on_ready: called when the child serves.
        report_seconds: how often to report what does not change.
        stuck_seconds: how long a phase of the self-test may take, unless rows are known to be slow.
        stopping: set when the worker is told to stop.
        sign: what differs once the model's files are others.
    """

    def __init__(
        self,
        *,
        serve: Callable[[Progress], int],
        release: Callable[[Death | None], None],
        report: Callable[[Start], None],
        on_ready: Callable[[], None],
        report_seconds: float,
        stuck_seconds: float,
        stopping: StopFlag,
        sign: Callable[[], object] = lambda: None,
    ) -> None:
        self._serve = serve
        self._release = release
        self._report = report
        self._on_ready = on_ready
        self._report_seconds = report_seconds
        self._stuck_seconds = stuck_seconds
        self._stopping = stopping
        self._sign = sign
        self._oom_kills = OutOfMemoryKills()
        self._child: Child | None = None
        self._failed: Start | None = None
        """Told until a child is ready, whatever the next one does meanwhile."""
        self._reported: tuple[Start, float] | None = None
        self._failures = 0
        self._wakeup = _wakeup_pipe()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._forward)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup has it ignored
            signal.signal(signal.SIGHUP, lambda *_: self._forward(signal.SIGTERM, None))
        signal.signal(PATIENTLY, self._forward)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> int:
        """Until told to stop; the exit status."""
        self._release(None)
        while not self._stopping.is_set():
            tried = self._sign()
            ending = self._run_child()
            if ending.served and ending.death.stopped:
                break
            self._release(ending.death)
            if self._stopping.is_set():
                break
            self._account(ending)
            self._rest(pause_seconds(self._failures, lasting=ending.lasting), tried)
        return 0

    def run_once(self) -> Start:
        """Have one child load and prove the model, and end; how that went."""
        ending = self._run_child()
        if ending.served:
            assert self._reported is not None
            return self._reported[0]
        return Start("failed", ending.phase, reason=explain(ending))

    # -- one child

    def _run_child(self) -> Ending:
        child = self._child = Child(self._serve)
        if self._stopping.is_set():
            child.signal(signal.SIGTERM)
        watch = Watch(stuck_seconds=self._stuck_seconds, now=time.monotonic())
        while not self._attend(child, watch):
            self._wait(child.pipe, LOOK_SECONDS if watch.ready_at else TICK_SECONDS)
            self._oom_kills.look(time.monotonic(), LOOK_SECONDS)
        assert child.wait_status is not None
        child.close()
        self._child = None
        death = classify(child.wait_status, out_of_memory=self._oom_kills.happened())
        return watch.end(death, time.monotonic())

    def _attend(self, child: Child, watch: Watch) -> bool:
        """Take what has happened to the child; whether it has ended."""
        ended, now, was_ready = child.reap(), time.monotonic(), bool(watch.ready_at)
        for message in child.read():
            watch.hear(message, now)
        if watch.ready_at and not was_ready:
            self._failed = None
            self._tell(watch.start)
            self._on_ready()
        elif not watch.ready_at:
            self._tell(watch.start)
        if not ended and watch.hangs(now, child.bytes_read()):
            child.signal(signal.SIGKILL)
        return ended

    def _account(self, ending: Ending) -> None:
        """After an end that nobody asked for: what is said of it, and how soon the next may start."""
        by_itself = ending.death.own or bool(ending.reason)
        if ending.served and (not by_itself or ending.served_seconds > SETTLED_SECONDS):
            self._failures = 0
        if ending.served and not by_itself:
            log.warning("the worker's process was ended from outside", how=ending.death.words)
            return
        self._failures += 1
        again_in = pause_seconds(self._failures, lasting=ending.lasting)
        if ending.served:
            if self._failures & (self._failures - 1) == 0:  # the 1st, 2nd, 4th, 8th ... in a row
                how, times = ending.death.words, self._failures
                log.error("the worker's process died", how=how, times=times, again_in=again_in)
        elif not by_itself and self._failures < CHANCE:
            log.warning("the worker's process was ended while it started", how=ending.death.words)
        else:
            failed = Start("failed", ending.phase, reason=explain(ending), tries=self._failures)
            if self._failed is None or self._failed.reason != failed.reason:
                log.error("the model cannot be served", reason=failed.reason, again_in=again_in)
            self._failed = failed

    # -- between children, and beside one

    def _rest(self, seconds: float, tried: object) -> None:
        """Until the next try. Once the model's files are others than were tried, and change no more, that is now."""
        until, seen, look_at = time.monotonic() + seconds, tried, time.monotonic() + SIGN_SECONDS
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            self._tell(Start())
            if time.monotonic() > look_at:
                seen, before, look_at = self._sign(), seen, time.monotonic() + SIGN_SECONDS
                if before == seen != tried:
                    log.info("the model's files have changed: it is tried at once")
                    return
            self._wait(None, min(left, TICK_SECONDS))

    def _tell(self, start: Start) -> None:
        """Report a start when it has changed, or when the last report is about to be forgotten."""
        if start.bytes is not None:  # what a download brings is news, though the last one failed
            self._failed = None
        now, start = time.monotonic(), self._failed or start
        if self._reported is None or self._reported[0] != start or now - self._reported[1] > self._report_seconds:
            self._reported = (start, now)
            if start.state != "ready":  # that the child says itself
                self._report(start)

    def _wait(self, pipe: int | None, seconds: float) -> None:
        """Until the child says something, a signal comes, or so many seconds have passed."""
        select.select([self._wakeup, *([] if pipe is None else [pipe])], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wakeup, 512):
                pass

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        self._stopping.set()
        if self._child is not None:
            self._child.signal(number)


def _wakeup_pipe() -> int:
    """A file that can be read once a signal has come, so that `select` wakes."""
    read, write = os.pipe()
    for end in (read, write):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read
