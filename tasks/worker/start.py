"""How the start of a serving process goes, from what it says and how it ends (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from tasks.worker.death import Death

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 60.0
FIRST_LASTING_SECONDS = 5.0
LONGEST_LASTING_SECONDS = 600.0
"""While the model's file is at fault: a try may be a download, and the pause ends as soon as the file is another."""
UNBOUNDED = frozenset({"starting", "downloading", "checking", "loading", "connecting"})
"""Phases that take as long as a network or a disk takes."""
SERVING = "serving"
PHASE_ROWS = 200
"""More rows than any phase of the self-test runs."""
TIMES_AS_LONG = 20
"""A phase may take so many times as long as its rows did before."""


GPU_PATIENCE = 10
"""A GPU's first step may take so many times as long: the driver may compile kernels for a card that is new to it."""
LONGEST_PHASE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Start:
    """How far a start has come: ``loading`` with what it does just now, ``failed`` with why, or ``ready``."""

    state: Literal["loading", "failed", "ready"] = "loading"
    phase: str = "starting"
    progress: float | None = None
    """Of downloading or loading the file, from 0 to 1."""
    bytes: int | None = None
    """Of the model's files that are here, while they are downloaded; of `total_bytes`, 0 if that is not known."""
    total_bytes: int = 0
    processor: str = ""
    """What computes the model; of one that is ready."""
    reason: str = ""
    """What happened and what to do, in words; of one that failed."""
    tries: int = 0
    """How often it has failed in a row."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a serving process ended, and how far it had come."""

    death: Death
    phase: str
    reason: str
    """Why the model cannot be served, if the process said so."""
    served_seconds: float
    lasting: bool = False
    """Whether the model's file is at fault, and the next try changes nothing unless the file changes."""

    @property
    def served(self) -> bool:
        return self.phase == SERVING


class Watch:
    """What is known of one process: its phase, since when, and why it cannot serve if it said so.

    Args:
        stuck_seconds: how long a phase of the self-test may take, unless rows are known to be slow.
        now: seconds of any clock that does not go back; so are all times here.
    """

    def __init__(self, *, stuck_seconds: float, now: float) -> None:
        self.start = Start()
        self.reason = ""
        self._lasting = False
        self.ready_at = 0.0
        self._stuck_seconds = stuck_seconds
        self._since = now
        self._limit = math.inf
        self._bytes_read = 0

    @property
    def phase(self) -> str:
        return SERVING if self.ready_at else self.start.phase

    def hear(self, message: Mapping[str, Any], now: float) -> None:
        """Take what the process said."""
        if "failed" in message:
            self.reason, self._lasting = message["failed"], bool(message.get("lasting"))
        elif "wrong" in message:
            self.reason = proof_failed(self.phase, message["wrong"])
        elif "ready" in message:
            self.ready_at, self._limit = now, math.inf
            self.start = Start("ready", SERVING, processor=message["processor"])
        else:
            self._enter(message["phase"], self._bound(message), now)
            self.start = replace(
                self.start,
                progress=message.get("progress"),
                bytes=message.get("bytes"),
                total_bytes=message.get("total_bytes", 0),
            )

    def hangs(self, now: float, bytes_read: int) -> bool:
        """Whether a phase takes too long, and not because weights are read from a slow disk meanwhile."""
        if now - self._since <= self._limit:
            return False
        if bytes_read > self._bytes_read:
            self._since, self._bytes_read = now, bytes_read
            return False
        self.reason = self.reason or hung(self.phase, self._limit)
        return True

    def end(self, death: Death, now: float) -> Ending:
        """The process has ended."""
        served_seconds = now - self.ready_at if self.ready_at else 0.0
        return Ending(death, self.phase, self.reason, served_seconds, self._lasting)

    def _enter(self, phase: str, limit: float, now: float) -> None:
        if phase != self.start.phase:
            self.start, self._since, self._limit = replace(self.start, phase=phase), now, limit

    def _bound(self, message: Mapping[str, Any]) -> float:
        """How long a phase may take, in seconds."""
        if message["phase"] in UNBOUNDED:
            return math.inf
        row_seconds = float(message.get("row_seconds", 0.0))
        least = self._stuck_seconds * (GPU_PATIENCE if message.get("on_gpu") and not row_seconds else 1)
        return max(least, min(LONGEST_PHASE_SECONDS, TIMES_AS_LONG * PHASE_ROWS * row_seconds))


def explain(ending: Ending) -> str:
    """Why a start failed, and what to do, for people.

    What it says of `caravan doctor` are sentences of their own: the doctor, which tells the rest too, leaves them out.
    """
    if ending.reason:
        return ending.reason
    if ending.phase in UNBOUNDED:
        what = f"The worker's process {ending.death.words} while it was {ending.phase}."
        if ending.phase != "loading":
            return f"{what} Its log says more."
        return f"{what} If it does not fit into memory, lower kv_tokens, slots or context. `caravan doctor` compares."
    return proof_failed(ending.phase, f"The worker's process {ending.death.words}.")


def proof_failed(phase: str, what: str) -> str:
    """Why a model that was loaded is not served, and what to do."""
    return (
        f"The self-test of the model failed ({phase}). {what} This build of llama.cpp does not run this model on "
        "this machine. `caravan doctor` shows the cause. docs/build.md describes a new build."
    )


def hung(phase: str, seconds: float) -> str:
    """Why a process whose self-test did not end was ended, and what to do."""
    return (
        f"The self-test of the model hangs ({phase}): it did not end within {seconds:.0f} seconds, and was ended. If "
        "this machine is slow, raise CARAVAN_STUCK_SECONDS. Otherwise run `caravan doctor`."
    )


def pause_seconds(failures: int, *, lasting: bool = False) -> float:
    """How long to wait after so many failures in a row; 0 after none.

    Args:
        lasting: whether the last one was of the model's file.
    """
    first, longest = FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
    if lasting:
        first, longest = FIRST_LASTING_SECONDS, LONGEST_LASTING_SECONDS
    return min(longest, first * 2.0 ** min(failures - 1, 16)) if failures else 0.0
