"""What goes into the next batch: which sequences have slots, and how many tokens of each are run. Pure bookkeeping."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

from tasks.engine.backend import Row
from tasks.engine.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch."""

    rows: list[Row]
    chunks: list[tuple[Sequence, int]]
    """Each sequence of the batch, and how many of its tokens are run."""
    sampled: list[tuple[Sequence, int]]
    """Each sequence that gets a token, and the row whose logits it is chosen from."""


class Scheduler:
    """Two queues: `waiting` for a slot, in order; `running`, oldest first.

    Every batch takes the decoding sequences first, one token each, then chunks of prompts. When the cache has no
    room for all, the youngest running sequence is set back to the head of the waiting ones.
    """

    def __init__(self, *, num_slots: int, cache_tokens: int, batch_tokens: int) -> None:
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self._free_slots = list(range(num_slots - 1, -1, -1))
        self._cache_tokens = cache_tokens
        self._batch_tokens = batch_tokens
        self._vacated: list[int] = []
        self.num_set_back = 0

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    @property
    def cells_used(self) -> int:
        return sum(sequence.num_computed for sequence in self.running)

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take out a sequence that has finished or was aborted."""
        if sequence in self.running:
            self.running.remove(sequence)
            self._vacate(sequence)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)

    def of_job(self, job: Hashable) -> list[Sequence]:
        return [sequence for sequence in (*self.running, *self.waiting) if sequence.job == job]

    def take_vacated(self) -> list[int]:
        """Slots given up since the last call; what they hold is to be forgotten before the next batch."""
        vacated, self._vacated = self._vacated, []
        return vacated

    def set_back_youngest(self) -> Sequence:
        """Make room in the cache: the sequence that came last computes its tokens again later."""
        youngest = self.running.pop()
        self._vacate(youngest)
        youngest.set_back()
        self.num_set_back += 1
        self.waiting.appendleft(youngest)
        return youngest

    def plan(self, *, admit: bool = True) -> Plan:
        """Choose the next batch; empty if nothing runs. Without `admit`, waiting sequences go on waiting."""
        if admit:
            self._admit()
        while len(self.running) > 1 and self.cells_used + len(self.running) > self._cache_tokens:
            self.set_back_youngest()
        return self._fill()

    def _admit(self) -> None:
        free_cells = self._cache_tokens - sum(len(sequence.tokens) for sequence in self.running)
        while self.waiting and self._free_slots and len(self.waiting[0].tokens) < free_cells:
            sequence = self.waiting.popleft()
            sequence.slot = self._free_slots.pop()
            self.running.append(sequence)
            free_cells -= len(sequence.tokens)

    def _fill(self) -> Plan:
        plan = Plan([], [], [])
        room = min(self._batch_tokens, self._cache_tokens - self.cells_used)
        for sequence in sorted(self.running, key=lambda sequence: sequence.num_pending > 1):
            count = min(sequence.num_pending, room)
            if count == 0:
                break
            room -= count
            self._add_chunk(plan, sequence, count)
        return plan

    def _add_chunk(self, plan: Plan, sequence: Sequence, count: int) -> None:
        assert sequence.slot is not None
        start, completes = sequence.num_computed, count == sequence.num_pending
        for at in range(start, start + count):
            plan.rows.append(Row(sequence.tokens[at], at, sequence.slot, False))
        plan.chunks.append((sequence, count))
        if completes:
            plan.rows[-1] = Row(sequence.tokens[start + count - 1], start + count - 1, sequence.slot, True)
            plan.sampled.append((sequence, len(plan.rows) - 1))

    def _vacate(self, sequence: Sequence) -> None:
        assert sequence.slot is not None
        self._free_slots.append(sequence.slot)
        self._vacated.append(sequence.slot)
