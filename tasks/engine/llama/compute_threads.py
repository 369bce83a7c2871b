"""How many threads compute a batch, and where.

Threads that compute wait for each other at every layer, in OpenMP's barriers, which spin. When there are as many as
processors, whatever else computes takes one of theirs, and all of them wait until it gives it back: a first token took
450 ms instead of 20 while a grammar was compiled. So such work, when it is our own, is left a processor.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llama_cpp

from tasks.engine.llama.placing import Placing


class ComputeThreads:
    """The threads of one context.

    Args:
        ctx: the context, which was made with so many threads.
        most: its threads while nothing else computes.
        prompts: those of batches with parts of prompts; as many if None.
        processors: how many this process may run on; counted if None.
        apart: whether each thread gets a processor of its own, if there are as many.
    """

    def __init__(
        self,
        ctx: Any,
        most: int,
        *,
        prompts: int | None = None,
        processors: int | None = None,
        apart: bool = False,
    ) -> None:
        self._ctx = ctx
        self._most = self._now = most
        self._prompts = prompts or most
        self._processors = processors or len(_processors())
        self._placing = Placing(_processors()) if apart and hasattr(os, "sched_setaffinity") else None
        self._lock = threading.Lock()
        self._computes = threading.Lock()
        self._beside = 0

    @property
    def count(self) -> int:
        """How many the next batch is to have that only decodes."""
        return self._fewer(self._most)

    @contextmanager
    def leave_one_free(self) -> Iterator[None]:
        """Any thread but the engine's: keep a processor free meanwhile, once the running batch has ended."""
        self._add(1)
        try:
            if self._fewer(self._now) < self._now:
                with self._computes:
                    pass
            yield
        finally:
            self._add(-1)

    @contextmanager
    def computing(self, *, prompts: bool = False) -> Iterator[None]:
        """The engine's thread: have a batch computed, by as many threads as its kind has.

        Args:
            prompts: whether there are parts of prompts in it.
        """
        with self._computes:
            if (count := self._fewer(self._prompts if prompts else self._most)) != self._now:
                llama_cpp.llama_set_n_threads(self._ctx, count, count)
                self._now = count
            if self._placing is None:
                yield
                return
            self._placing.begin()
            yield
            self._placing.end(count)

    def _fewer(self, threads: int) -> int:
        """So many threads, without those whose processors are taken."""
        return max(1, min(threads, self._processors - self._beside)) if self._beside else threads

    def _add(self, change: int) -> None:
        with self._lock:
            self._beside += change


def _processors() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))
