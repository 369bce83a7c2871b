"""What is known of models and their workers at one moment, and what is done about it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from app.cli.words import counted
from tasks.byte_sizes import size

LONGEST_START_SECONDS = 300.0
"""A worker that does not serve after so long has had its turn."""
TURN_SECONDS = 30.0
"""So long a model keeps its room at least, once it serves, while another waits for the same room."""
TURN_LOADS = 4.0
"""Or so many times as long as it took to load, if that is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker that `caravan up` runs. Times are seconds until now."""

    name: str
    state: Literal["starting", "ready", "draining"] = "ready"
    held: int = 0
    """Jobs that it has claimed."""
    started_ago: float = inf
    ready_ago: float = inf
    """Of one that is ready."""
    is_stale: bool = False
    """Whether it was started for an entry, or a file, that is another now: a new worker takes its place."""
    bytes: int | None = None
    """Memory that it takes, where that is not what the model's workers take now."""

    @property
    def turn_is_over(self) -> bool:
        """Whether it has had its model's room for long enough, if another model waits for it."""
        if self.state == "starting":
            return self.started_ago >= LONGEST_START_SECONDS
        loaded_in = self.started_ago - self.ready_ago if self.started_ago < inf else 0.0
        return self.ready_ago >= max(TURN_SECONDS, TURN_LOADS * loaded_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model of the catalogue, its jobs and its workers.

    Args:
        slots: sequences that one worker decodes together.
        bytes: memory that one worker takes; `parts` is the same in words.
        min, max, keep_alive, priority: as the catalogue has them; seconds.
        waiting: jobs that no worker has claimed and that workers may be given; none while the queue is paused.
        running: jobs that workers have claimed.
        job_seconds: how long a job has had a slot lately; 0 if that is not known.
        used_ago: seconds since it had a job that had not ended.
        wanted: whether a job came within its keep-alive, or somebody asked for it.
        asked: what somebody has asked for by name lately.
        elsewhere: live workers that `caravan up` does not run.
        failing: whether its workers cannot serve it just now.
        removed: whether it is in the catalogue no longer: its workers end its jobs, then they stop.
        workers: those that `caravan up` runs.
    """

    name: str
    slots: int = 1
    bytes: int = 0
    parts: str = ""
    min: int = 1
    max: int = 1
    keep_alive: float = 600.0
    priority: int = 0
    waiting: int = 0
    running: int = 0
    job_seconds: float = 0.0
    used_ago: float = inf
    wanted: bool = False
    asked: str = ""
    elsewhere: int = 0
    failing: bool = False
    removed: bool = False
    workers: tuple[Worker, ...] = ()

    @property
    def load(self) -> int:
        """Jobs that have not ended, but for those that nobody may be given."""
        return self.waiting + self.running

    def bytes_of(self, worker: Worker) -> int:
        """Memory that one of its workers takes."""
        return self.bytes if worker.bytes is None else worker.bytes

    @property
    def live(self) -> tuple[Worker, ...]:
        """Workers that stay, the one to be stopped last at the end."""
        staying = [worker for worker in self.workers if worker.state != "draining"]
        return tuple(sorted(staying, key=lambda worker: (worker.held, -number_of(worker.name))))

    @property
    def standing(self) -> int:
        """How many workers stay, where one that is replaced and the one in its place count once."""
        num_stale = sum(worker.is_stale for worker in self.live)
        return max(num_stale, len(self.live) - num_stale)

    @property
    def is_kept(self) -> bool:
        """Whether its keep-alive is not over yet. It begins when a worker has loaded the model, not while one does."""
        if self.wanted or (not self.failing and any(worker.state == "starting" for worker in self.workers)):
            return True
        loaded_ago = min((worker.ready_ago for worker in self.live), default=inf)
        return min(self.used_ago, loaded_ago) < self.keep_alive

    @property
    def is_served(self) -> bool:
        return bool(self.elsewhere) or any(worker.state == "ready" for worker in self.workers)

    def wait_seconds(self, workers: int) -> float:
        """How long the last of its jobs would wait for a slot of so many workers; inf if nothing tells."""
        over = self.load - workers * self.slots
        if over <= 0:
            return 0.0
        return over * self.job_seconds / (workers * self.slots) if workers and self.job_seconds else inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All of them.

    Args:
        now: seconds of a clock that does not go back.
        budget: bytes that the workers of all models may take together.
        roll_budget: the same while a new worker stands beside the one whose place it takes.
    """

    now: float
    budget: float
    roll_budget: float = inf
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered from one decision to the next.

    Args:
        needs: by model, how many workers it needed, with the time, newest last.
        starving: by model, since when its jobs wait and no worker serves them.
        resting: models that somebody has unloaded, until a job comes for them.
        promised: models for which others were asked to leave, until they have a worker.
    """

    needs: Mapping[str, tuple[tuple[float, int], ...]] = field(default_factory=dict)
    starving: Mapping[str, float] = field(default_factory=dict)
    resting: frozenset[str] = frozenset()
    promised: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A worker that starts, one that stops because it is not needed, or one that makes room for another model."""

    action: Literal["start", "stop", "evict"]
    model: str
    worker: str
    reason: str

    @property
    def text(self) -> str:
        does = {"start": "starts", "stop": "stops", "evict": "makes room"}[self.action]
        return f"{self.worker} {does}: {self.reason}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What to do now.

    Args:
        decisions: in the order in which they are carried out.
        waits: by model, why a worker that it needs cannot start just now.
        too_large: by model, why none of its workers can ever start.
    """

    decisions: tuple[Decision, ...]
    waits: Mapping[str, str]
    too_large: Mapping[str, str]
    memory: Memory


def number_of(worker: str) -> int:
    """The number at the end of a worker's name."""
    return int(worker.rpartition("-")[2])


def of_jobs(number: int) -> str:
    """``1 job waits``, ``2 jobs wait``."""
    return f"{counted(number, 'job')} wait{'s' if number == 1 else ''}"


def room_words(needed: int, budget: float, free: float) -> str:
    """What a worker takes, and what there is."""
    return f"a worker takes {size(needed)}, and {size(max(0.0, free))} of {size(budget)} are free"
