"""What is made of a serving process' start and end."""

from __future__ import annotations

import os
import signal

import pytest

from tasks.worker.death import Death, classify
from tasks.worker.start import (
    LONGEST_LASTING_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Ending,
    Start,
    Watch,
    explain,
    pause_seconds,
)

CRASH = Death("died by SIGSEGV", own=True)


def watching(*messages: dict[str, object], stuck_seconds: float = 60.0) -> Watch:
    watch = Watch(stuck_seconds=stuck_seconds, now=0.0)
    for message in messages:
        watch.hear(message, 0.0)
    return watch


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT])
def test_a_signal_that_a_process_brings_on_itself_is_a_crash(number: signal.Signals) -> None:
    death = classify(int(number), out_of_memory=False)
    assert (death.own, death.words) == (True, f"died by {number.name}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_somebody_sends_is_none(number: signal.Signals) -> None:
    assert not classify(int(number), out_of_memory=False).own


def test_a_kill_while_the_kernel_is_out_of_memory_is_a_crash() -> None:
    assert classify(signal.SIGKILL, out_of_memory=True).own
    assert not classify(signal.SIGTERM, out_of_memory=True).own


def test_a_core_dump_changes_nothing() -> None:
    assert classify(signal.SIGSEGV | 0x80, out_of_memory=False).words == "died by SIGSEGV"


def test_only_an_end_in_order_is_one_that_was_asked_for() -> None:
    assert classify(0, out_of_memory=False).stopped
    failed = classify(os.W_EXITCODE(70, 0) if hasattr(os, "W_EXITCODE") else 70 << 8, out_of_memory=False)
    assert (failed.own, failed.stopped, failed.words) == (True, False, "ended with status 70")


def test_the_phases_of_a_start_are_told() -> None:
    watch = watching({"phase": "loading", "progress": 0.4})
    assert watch.start == Start("loading", "loading", progress=0.4)
    watch.hear({"phase": "downloading", "progress": 0.5, "bytes": 5, "total_bytes": 10}, 0.5)
    assert watch.start == Start("loading", "downloading", progress=0.5, bytes=5, total_bytes=10)
    watch.hear({"phase": "decode", "row_seconds": 0.0}, 1.0)
    assert watch.start == Start("loading", "decode")
    watch.hear({"ready": True, "processor": "zen4"}, 2.0)
    assert watch.start == Start("ready", "serving", processor="zen4")
    assert watch.end(CRASH, 5.0).served_seconds == 3.0


def test_loading_takes_as_long_as_it_takes() -> None:
    assert not watching({"phase": "loading", "progress": 0.1}).hangs(10_000.0, 0)


def test_what_comes_after_the_self_test_is_no_part_of_it() -> None:
    watch = watching({"phase": "sampling", "row_seconds": 0.001}, {"phase": "connecting"})
    assert not watch.hangs(10_000.0, 0)
    assert "self-test" not in explain(watch.end(CRASH, 1.0))


def test_a_self_test_that_does_not_end_hangs() -> None:
    watch = watching({"phase": "prefill", "row_seconds": 0.001})
    assert not watch.hangs(59.0, 0)
    assert watch.hangs(61.0, 0)
    assert "hangs (prefill)" in explain(watch.end(Death("died by SIGKILL", own=False), 61.0))


def test_a_machine_whose_rows_are_slow_has_more_time() -> None:
    assert not watching({"phase": "prefill", "row_seconds": 2.0}).hangs(600.0, 0)


def test_weights_that_are_read_from_a_slow_disk_are_no_hang() -> None:
    watch = watching({"phase": "decode", "row_seconds": 0.0})
    assert not watch.hangs(61.0, 1 << 20)
    assert not watch.hangs(100.0, 1 << 20), "the time counts from then"
    assert watch.hangs(130.0, 1 << 20)


def test_a_process_that_serves_does_not_hang() -> None:
    assert not watching({"phase": "decode"}, {"ready": True, "processor": ""}).hangs(10_000.0, 0)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending(CRASH, "prefill", "", 0.0), ("self-test", "prefill", "SIGSEGV", "caravan doctor")),
        (Ending(CRASH, "loading", "", 0.0), ("while it was loading", "SIGSEGV", "kv_tokens")),
        (Ending(CRASH, "connecting", "", 0.0), ("while it was connecting", "SIGSEGV", "log")),
        (Ending(CRASH, "loading", "The model cannot be loaded: no room.", 0.0), ("no room",)),
    ],
)
def test_a_failed_start_says_what_happened_and_what_to_do(ending: Ending, words: tuple[str, ...]) -> None:
    assert all(word in explain(ending) for word in words)


def test_pauses_double_up_to_a_minute() -> None:
    pauses = [pause_seconds(failures) for failures in range(12)]
    assert pauses[:5] == [0.0, 0.2, 0.4, 0.8, 1.6]
    assert max(pauses) == LONGEST_PAUSE_SECONDS == pause_seconds(10_000)


def test_a_file_at_fault_is_tried_less_and_less() -> None:
    told = watching({"failed": "The file is cut short.", "lasting": True}).end(CRASH, 1.0)
    assert (told.reason, told.lasting) == ("The file is cut short.", True)
    assert not watching({"failed": "There is no memory."}).end(CRASH, 1.0).lasting
    assert [pause_seconds(failures, lasting=True) for failures in range(4)] == [0, 5, 10, 20]
    assert pause_seconds(10_000, lasting=True) == LONGEST_LASTING_SECONDS > LONGEST_PAUSE_SECONDS


def test_the_first_step_of_a_gpu_has_time_to_compile_kernels() -> None:
    watch = watching({"phase": "decode", "row_seconds": 0.0, "on_gpu": True})
    assert not watch.hangs(599.0, 0)
    assert watch.hangs(601.0, 0)
