"""Which tokens a grammar allows next: masks, which threads of their own compute while the engine decodes.

A mask takes 0.1 ms as a rule. llguidance's limits let one take more than half a second, though, and a sequence whose
mask takes long sits out a batch or more; the engine's thread does not wait for it.

The copies of a matcher share its lexer. What moves one of them on waits for another's mask, and holds the interpreter's
lock meanwhile (llguidance 1.9). So the engine's thread calls no matcher, and of one grammar's copies only one works at
a time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from llguidance import LLMatcher

from tasks.answers.trial import first_error
from tasks.engine.backend import SequenceFailed
from tasks.engine.llama.logits import Logits, Mask
from tasks.engine.step_clock import StepClock

THREADS: Final = 2
TURN_SECONDS: Final = 0.005
"""For so long a thread computes masks of one grammar while another grammar waits."""


class MaskThreads:
    """Run what is asked of matchers."""

    def __init__(self) -> None:
        self.clocks = tuple(StepClock() for _ in range(THREADS))
        """Of each thread's work: a mask that never ends is as bad as a step that does not."""
        self.changed = threading.Condition()
        """Notified when masks were computed."""
        self._own = threading.local()
        clocks = iter(self.clocks)
        self._threads = ThreadPoolExecutor(THREADS, "masks", lambda: setattr(self._own, "clock", next(clocks)))
        started = threading.Barrier(THREADS)  # not by the engine's thread, whose processor they would share
        list(self._threads.map(lambda _: started.wait(), range(THREADS)))

    def submit(self, work: Callable[[], None]) -> None:
        """Any thread: have it done, in the order of these calls."""
        self._threads.submit(self._run, work)

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, work: Callable[[], None]) -> None:
        with self._own.clock.step():
            work()
        with self.changed:
            self.changed.notify_all()


class Compiled:
    """A grammar that is ready: its matcher at the beginning, and the mask there. Whoever will need it keeps it.

    Raises `ValueError` with llguidance's reason if that mask is beyond its limits. Not for the engine's thread.
    """

    def __init__(
        self,
        matcher: LLMatcher,
        *,
        num_bytes: int,
        vocab_size: int,
        threads: MaskThreads,
        on_failed: Callable[[], None],
    ) -> None:
        self.num_bytes = num_bytes
        self.on_failed = on_failed
        """Called when it grew beyond its limits, as all its copies then did: they share a lexer."""
        self.vocab_size = vocab_size
        self.threads = threads
        self.first_mask = Mask(vocab_size)
        self._matcher = matcher
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        compute(matcher, self.first_mask)
        if matcher.is_error():
            raise ValueError(first_error(matcher))

    def copy(self) -> LLMatcher:
        """A matcher at the beginning. For what `run` runs."""
        return self._matcher.deep_copy()

    def run(self, work: Callable[[], None]) -> None:
        """Any thread: have it done, after what was asked for before and when no other work of this grammar is."""
        with self._lock:
            self._waiting.append(work)
            if len(self._waiting) == 1:
                self.threads.submit(self._take_turn)

    def _take_turn(self) -> None:
        """Do what waits, for a while; then others have a turn."""
        ends = time.monotonic() + TURN_SECONDS
        while True:
            self._waiting[0]()
            with self._lock:
                self._waiting.popleft()
                if not self._waiting:
                    return
                if time.monotonic() >= ends:
                    self.threads.submit(self._take_turn)
                    return


class Constraint:
    """Where one sequence is in its grammar. Of the engine's thread."""

    def __init__(self, compiled: Compiled, work: Logits) -> None:
        self._compiled = compiled
        self._work = work
        self._mask = compiled.first_mask
        self._matcher: LLMatcher | None = None
        self._accepted: list[int] = []
        self._is_computing = self._is_closed = False
        self._error = ""

    def accept(self, token: int) -> None:
        """Go on by a token."""
        self._accepted.append(token)

    def look_ahead(self) -> None:
        """Have the mask of the next token computed meanwhile."""
        if self._accepted and not self._is_computing:
            self._is_computing = True
            self._compiled.run(self._go_on)

    def ready(self, timeout_seconds: float) -> bool:
        """Whether `restrict` need not wait, after waiting for that."""
        return not self._is_computing or (timeout_seconds > 0 and self._wait(timeout_seconds))

    def restrict(self, logits: Logits) -> None:
        """Forbid what the grammar does not allow next. Raises `SequenceFailed` if it grew beyond its limits."""
        self.look_ahead()
        self._wait(None)
        if self._error:
            self._compiled.on_failed()
            raise SequenceFailed(f"The grammar cannot be followed any further: {self._error}.")
        self._mask.forbid(logits, self._work)

    def close(self) -> None:
        """Compute nothing more."""
        self._is_closed = True

    def _wait(self, timeout_seconds: float | None) -> bool:
        if not self._is_computing:
            return True
        changed = self._compiled.threads.changed
        with changed:
            return changed.wait_for(lambda: not self._is_computing, timeout_seconds)

    def _go_on(self) -> None:
        """Follow what was accepted, and compute the mask there."""
        try:
            if not self._is_closed:
                self._follow()
        except BaseException as exc:  # a panic of llguidance's, for one
            self._error = str(exc) or repr(exc)
        finally:
            self._is_computing = False

    def _follow(self) -> None:
        if self._matcher is None:
            self._matcher, self._mask = self._compiled.copy(), Mask(self._compiled.vocab_size)
        tokens, self._accepted = self._accepted, []
        for token in tokens:
            self._matcher.consume_token(token)
        compute(self._matcher, self._mask)
        if self._matcher.is_error():
            self._error = first_error(self._matcher)


def compute(matcher: LLMatcher, mask: Mask) -> None:
    """Write what a matcher allows next."""
    matcher.unsafe_compute_mask_ptr(mask.address, mask.num_bytes)
