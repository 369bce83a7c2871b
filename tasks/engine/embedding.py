"""Vectors of texts: whole passages in, as many at once as a batch holds, of which owners and jobs have equal shares."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tasks.engine.backend import Vocabulary
from tasks.engine.figures import EngineFigures
from tasks.engine.inbox import drain
from tasks.engine.shares import Shares
from tasks.engine.step_clock import StepClock
from tasks.engine.waiting import WaitingLine

Vector = npt.NDArray[np.float32]


class EmbeddingBackend(Vocabulary, Protocol):
    """A model that makes a vector of a text. All calls come from one thread, but for those of a vocabulary."""

    num_slots: int
    """Passages in a batch at most."""
    context: int
    """Tokens a passage may have."""
    batch_tokens: int
    """Tokens of a batch at most, but for a longer passage, which is a batch on its own."""
    dimensions: int
    """Numbers of a vector."""
    pools: bool
    """Whether a passage has one vector; else each of its tokens has one."""

    def embed(self, passages: Sequence[Sequence[int]]) -> Vector:
        """The vectors of some passages, each of length 1, in the rows of a matrix; raises `BackendFailure`."""

    def embed_tokens(self, passages: Sequence[Sequence[int]]) -> Sequence[Vector]:
        """Of each passage the vectors of its tokens, as the model gives them, in the rows of a matrix.

        Of a model that does not pool; raises `BackendFailure`.
        """

    def close(self) -> None:
        """Free the model."""


def embedded(backend: EmbeddingBackend, passages: Sequence[Sequence[int]]) -> Sequence[Vector]:
    """What a model gives for each passage: a vector, or a matrix of its tokens' ones."""
    return list(backend.embed(passages)) if backend.pools else backend.embed_tokens(passages)


@dataclass(eq=False, slots=True)
class Passage:
    """One text of a job, in tokens, of which there is one at least. Times are the engine's, 0 before they come."""

    job: Hashable
    index: int
    tokens: list[int]
    vector: Vector | None = None
    owner: Hashable = None
    weight: float = 1.0
    """Of its owner, in the sharing of batches."""
    alone: bool = False
    """Nothing of another job may be run beside it, and it goes before those."""
    gives_way: bool = False
    """It is run behind those that do not."""
    place: int = 0
    """In the line."""
    submitted_at: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0


class EmbeddingEngine:
    """Runs passages in batches. `submit` and `abort` may be called from any thread, `step` from one.

    Args:
        on_failed: called in `step` with a job that cannot go on, and why; its passages are dropped.
    """

    def __init__(self, backend: EmbeddingBackend, *, on_failed: Callable[[Hashable, str], None]) -> None:
        self._backend = backend
        self._on_failed = on_failed
        self._waiting: WaitingLine[Passage] = WaitingLine()
        self._alone: deque[Passage] = deque()
        self._inbox: SimpleQueue[Passage] = SimpleQueue()
        self._aborts: SimpleQueue[Hashable] = SimpleQueue()
        self._wake = threading.Event()
        self.figures = EngineFigures()
        self._clock = StepClock()
        self.clocks = (self._clock,)

    def submit(self, passages: Iterable[Passage]) -> None:
        """Hand over the passages of a job; they are run in this order."""
        for passage in passages:
            passage.submitted_at = time.monotonic()
            self._inbox.put(passage)
        self._wake.set()

    def abort(self, job: Hashable) -> None:
        """Drop a job's passages before the next step; none of them comes out after that."""
        self._aborts.put(job)
        self._wake.set()

    def wait(self, timeout_seconds: float) -> bool:
        """Sleep until there is something to do; whether there is."""
        if self._busy:
            return True
        self._wake.wait(timeout_seconds)
        self._wake.clear()
        return self._busy

    def step(self) -> list[Passage]:
        """Run one batch; the passages that have their vectors now. Raises `BackendFailure`."""
        with self._clock.step():
            self._receive()
            batch = self._next_batch()
            done = self._run(batch) if batch else []
            self._gauge(0)
            return done

    def close(self) -> None:
        """Free the model."""
        self._backend.close()

    @property
    def _busy(self) -> bool:
        return bool(self._alone or self._waiting) or not self._inbox.empty()

    def _receive(self) -> None:
        for passage in drain(self._inbox):
            if passage.alone:
                self._alone.append(passage)
            else:
                self._waiting.add(passage)
        for job in drain(self._aborts):
            self._drop(job)

    def _drop(self, job: Hashable) -> None:
        self._alone = deque(passage for passage in self._alone if passage.job != job)
        self._waiting.drop(job)

    def _next_batch(self) -> list[Passage]:
        """Take who is next, as far as it fits. Those that are run alone come from one job at a time."""
        shares, room = Shares[Passage](), self._backend.batch_tokens
        batch: list[Passage] = []
        while len(batch) < self._backend.num_slots:
            passage = self._alone[0] if self._alone else self._waiting.next(shares)
            if passage is None or (batch and not (len(passage.tokens) <= room and _may_join(passage, batch[0]))):
                break
            if passage.alone:
                self._alone.popleft()
            else:
                self._waiting.remove(passage)
            room -= len(passage.tokens)
            shares.add(passage)
            batch.append(passage)
        return batch

    def _run(self, batch: list[Passage]) -> list[Passage]:
        self._gauge(len(batch))
        began = time.monotonic()
        vectors = embedded(self._backend, [passage.tokens for passage in batch])
        now = time.monotonic()
        for passage, vector in zip(batch, vectors, strict=True):
            passage.vector, passage.started_at, passage.ended_at = vector, began, now
        self._count(batch, now - began)
        spoilt = {passage.job for passage, vector in zip(batch, vectors, strict=True) if not np.isfinite(vector).all()}
        for job in spoilt:
            self._drop(job)
            self._on_failed(job, "The model computed numbers that are not finite for this input.")
        return [passage for passage in batch if passage.job not in spoilt]

    def _count(self, batch: list[Passage], seconds: float) -> None:
        figures = self.figures
        figures.steps += 1
        figures.step_sequences += len(batch)
        figures.prompt_tokens += sum(len(passage.tokens) for passage in batch)
        figures.queue_seconds += sum(passage.started_at - passage.submitted_at for passage in batch)
        figures.prefill_seconds += seconds

    def _gauge(self, running: int) -> None:
        """What other threads see; between two batches nothing runs, but the engine is busy all the same."""
        waiting = len(self._alone) + len(self._waiting)
        if running or not waiting:
            self.figures.running = running
        self.figures.waiting = waiting


def _may_join(passage: Passage, first: Passage) -> bool:
    return passage.job == first.job or not (passage.alone or first.alone)
