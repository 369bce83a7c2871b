"""The two processes of a worker: what signals, and ends at odd moments, do to them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tasks.worker import death
from tasks.worker.death import OutOfMemoryKills
from tasks.worker.stop_flag import StopFlag

GONE = """
import os, signal
from tasks.worker.child import Child
child = Child(lambda progress: 0)
os.waitpid(child.pid, 0)
child.signal(signal.SIGTERM)
print("lives")
"""
READER_GONE = """
import os, sys
from tasks.worker.child import Child
class Broken:
    def flush(self):
        raise BrokenPipeError
def run(progress):
    sys.stdout = Broken()
    return 0
child = Child(run)
print(os.waitpid(child.pid, 0)[1])
"""
CRASHES_WHILE_IT_STOPS = """
import os, signal, time
from tasks.worker.parent import Parent
from tasks.worker.stop_flag import StopFlag
def serve(progress):
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGSEGV))
    progress.ready(processor="")
    time.sleep(60)
    return 0
released = []
parent = Parent(
    serve=serve,
    release=released.append,
    report=lambda _: None,
    on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM),
    report_seconds=60,
    stuck_seconds=60,
    stopping=StopFlag(),
)
parent.run()
print(*(death and death.words for death in released))
"""


def output(code: str) -> str:
    """What a program prints that forks."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def test_a_handler_may_tell_to_stop_whatever_it_comes_in_the_middle_of() -> None:
    flag = StopFlag()

    def handler(_frame: FrameType, _event: str, _arg: Any) -> Any:
        flag.set()
        return handler

    def wait() -> None:
        sys.settrace(handler)
        try:
            flag.wait(0.1)
            flag.set()
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert flag.is_set()


def test_a_wait_ends_when_it_is_told_to_or_after_its_time() -> None:
    flag = StopFlag()
    assert not flag.wait(0.01)
    threading.Timer(0.1, flag.set).start()
    assert flag.wait(60)


def test_a_signal_to_a_process_that_has_just_ended_is_nothing() -> None:
    assert output(GONE) == "lives"


def test_the_jobs_of_a_process_that_crashes_while_it_stops_are_given_back_at_once() -> None:
    assert output(CRASHES_WHILE_IT_STOPS) == "None died by SIGSEGV"


def test_a_process_ends_as_it_should_though_nobody_reads_what_it_writes() -> None:
    assert output(READER_GONE) == "0"


def test_kills_for_memory_of_long_ago_were_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = tmp_path / "memory.events"
    counter.write_text("oom_kill 3\n")
    monkeypatch.setattr(death, "_counters", lambda: [counter])
    kills = OutOfMemoryKills()
    kills.look(100.0, 10.0)
    assert not kills.happened()
    counter.write_text("oom_kill 4\n")
    assert kills.happened()
    assert not kills.happened(), "that one is accounted for"
    counter.write_text("oom_kill 5\n")
    kills.look(105.0, 10.0)
    kills.look(110.0, 10.0)
    assert kills.happened(), "a process may die some seconds after it was killed"
    counter.write_text("oom_kill 6\n")
    kills.look(120.0, 10.0)
    kills.look(130.0, 10.0)
    assert not kills.happened()
