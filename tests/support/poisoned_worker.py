"""A worker whose fake model dies of prompts that hold POISON, and never comes back from those that hold HANG."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence

from tasks.engine.backend import Row
from tasks.engine.embedding import Vector
from tasks.engine.fake import FakeBackend
from tasks.engine.fake_embedding import FakeEmbeddingBackend
from tasks.models.catalogue import ModelEntry
from tasks.settings import Settings
from tasks.worker import __main__, serving
from tasks.worker.child import Progress
from tasks.worker.embedding_runner import Embedding
from tasks.worker.model_runner import ModelRunner
from tasks.worker.text_runner import TextRunner

POISON, HANG = b"POISON", b"HANG"
"""Capital letters: the fake model generates none."""


class PoisonedBackend(FakeBackend):
    """Sees the words when the last of a slot's prompt is run."""

    def decode(self, rows: Sequence[Row]) -> None:
        super().decode(rows)
        for slot in {row.slot for row in rows}:
            held = bytes(cell.token for cell in self._slots[slot])
            if POISON in held:
                signal.raise_signal(signal.SIGSEGV)  # of this thread: a token more would clear the job
            if HANG in held:
                threading.Event().wait()


class PoisonedEmbeddingBackend(FakeEmbeddingBackend):
    """Dies of passages that hold POISON."""

    def embed(self, passages: Sequence[Sequence[int]]) -> Vector:
        if any(POISON in bytes(passage) for passage in passages):
            signal.raise_signal(signal.SIGSEGV)  # of this thread: a token more would clear the job
        return super().embed(passages)


def load_poisoned(entry: ModelEntry, settings: Settings, progress: Progress) -> ModelRunner:
    if entry.kind == "embedding":
        return Embedding(PoisonedEmbeddingBackend(num_slots=entry.slots, context=entry.context, step_seconds=0.02))
    return TextRunner(
        PoisonedBackend(
            num_slots=entry.slots, context=entry.context, cache_tokens=entry.cache_tokens, step_seconds=0.02
        )
    )


if __name__ == "__main__":
    serving.load_work = load_poisoned  # type: ignore[attr-defined]
    sys.exit(__main__.main())
