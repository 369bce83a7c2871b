"""What a worker does with jobs that its model runs: text is generated, or vectors are made."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from tasks.engine.backend import Vocabulary
from tasks.engine.figures import EngineFigures
from tasks.engine.step_clock import StepClock
from tasks.records.event import Event
from tasks.records.job import Job
from tasks.worker.held import Held
from tasks.worker.proof import Begin
from tasks.worker.publisher import Publisher


class RunningEngine(Protocol):
    """What every engine has, whatever it makes."""

    figures: EngineFigures

    @property
    def clocks(self) -> Sequence[StepClock]:
        """Of its steps, and of the threads that work for it."""

    def abort(self, job: Hashable) -> None:
        """Any thread: make no more for a job."""

    def wait(self, timeout_seconds: float) -> bool:
        """Sleep until there is something to do; whether there is."""

    def close(self) -> None:
        """Free the model."""


class ModelRunner(Protocol):
    """A loaded model and its engine, with what turns jobs into work for them. `loading.load_work` chooses one."""

    @property
    def engine(self) -> RunningEngine: ...

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def num_slots(self) -> int:
        """How many parts of jobs the engine runs together."""

    @property
    def context(self) -> int:
        """Tokens that a part may have."""

    @property
    def processor(self) -> str:
        """What computes it, in words."""

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU computes it, whose first step may compile kernels for minutes."""

    def prove(self, begin: Begin) -> None:
        """Run the model as jobs would, before there are any. Raises `ProofFailed` or `BackendFailure`."""

    def num_parts(self, job: Job) -> int:
        """How many parts a job has that the engine runs, by what is asked; 0 if it needs no run of the model."""

    def takes_long(self, job: Job) -> bool:
        """Whether preparing it may take so long that others should not wait for it, however little text it has."""

    def prepare(self, held: Held) -> None:
        """Tokenise a job into parts that the engine can run. Raises CaravanError if the model cannot do it."""

    def submit(self, held: Held, events: Iterable[Event], *, alone: bool) -> bool:
        """Hand a prepared job to the engine; False if nothing of it is left to be run.

        Args:
            events: what earlier workers have put into the job's stream.
            alone: whether nothing else may be run beside it for now.
        """

    def step(self, publisher: Publisher) -> None:
        """Engine thread: run one batch, and publish what it made."""

    def answer_small(self, job: Job) -> Mapping[str, Any]:
        """What needs no run of the model. Raises CaravanError."""
