"""Which sequences have slots, and so what goes into the next batch. Pure bookkeeping."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable

from tasks.engine.adapter_turns import AdapterTurns
from tasks.engine.plan import Plan, fill
from tasks.engine.sequence import Sequence
from tasks.engine.shares import Shares, last, made_room_by
from tasks.engine.slots import Change, SlotPool
from tasks.engine.waiting import WaitingLine, is_being_computed, overtaken_by

PATIENCE_SECONDS = 5.0
"""How long one that gives way waits here behind the others."""


class Scheduler:
    """Two queues: `waiting` for a slot, those that give way last, else who has fewest; `running`, oldest first.

    One job of many sequences, or an owner of many jobs, does not keep others waiting: a slot that becomes free goes to
    who has fewest, and who has many makes room at once for an owner, or a job, that has none (`shares`).

    Every batch is of sequences with the same adapters (`adapter_turns`), and takes those that decode first, one token
    each, then chunks of prompts. When the cache has no
    room, kept prefixes go first; then the youngest running sequence of who has most is set back to the head of its
    job's waiting ones, or the youngest that gives way, if there is one. An urgent one that waits takes slot and cells
    of those in the same way.

    Where all give way nobody waits for the next token. With `gathers`, slots that become free are then given together,
    after a batch in which none did: prompts run in larger chunks, over a cache with less in it, and that many slots
    stand empty for a few batches. Hardware for which a batch's width costs time gains by it.

    While there are sequences to be decoded alone, the others keep their slots as far as possible, and stand still.

    With `restores`, a sequence that gets a slot is in no batch until whoever loads pages says that it is not
    `restoring` any more.
    """

    def __init__(
        self,
        slots: SlotPool,
        *,
        max_running: int,
        batch_tokens: int,
        prompt_logits: int = 64,
        gathers: bool = False,
        restores: bool = False,
    ) -> None:
        self.waiting: WaitingLine[Sequence] = WaitingLine()
        self.running: list[Sequence] = []
        self.num_set_back = 0
        self.num_shared_out = 0
        self._now = 0.0
        self._num_ran = 0
        self._outranked: list[Sequence] = []
        self._alone: list[Sequence] = []
        self._slots = slots
        self._turns = AdapterTurns()
        self._max_running = max_running
        self._batch_tokens = batch_tokens
        self._prompt_logits = prompt_logits
        self._gathers = gathers
        self._restores = restores

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    @property
    def cells_used(self) -> int:
        return self._slots.cells_used

    @property
    def cells_free(self) -> int:
        return self._slots.cells_free

    @property
    def num_decoding(self) -> int:
        return sum(sequence.decodes for sequence in self.running)

    @property
    def num_starting(self) -> int:
        """Sequences without a token that have a slot, or could have one."""
        prefilling = len(self.running) - self.num_decoding
        return prefilling + min(len(self.waiting), self._max_running - len(self.running))

    def add(self, sequence: Sequence) -> None:
        sequence.waiting_since = sequence.submitted_at
        self.waiting.add(sequence)
        if sequence.alone:
            self._alone.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take out a sequence that has finished or was aborted; what it computed may be shared until it is needed."""
        if sequence in self.running:
            self.running.remove(sequence)
            self._vacate(sequence)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)
        if sequence in self._alone:
            self._alone.remove(sequence)

    def trust(self, job: Hashable) -> None:
        """Let a job that was decoded alone go on with the others."""
        for sequence in [sequence for sequence in self._alone if sequence.job == job]:
            self._alone.remove(sequence)
            sequence.alone = False

    def of_job(self, job: Hashable) -> list[Sequence]:
        return [sequence for sequence in (*self.running, *self.waiting) if sequence.job == job]

    def take_back(self, sequence: Sequence, count: int) -> None:
        """The last so many tokens that a sequence's slot holds are not the sequence's."""
        assert sequence.slot is not None
        self._slots.take_back(sequence.slot, count)

    def take_changes(self) -> list[Change]:
        """What the model's memory is to be told before the next batch."""
        return self._slots.take_changes()

    def take_outranked(self) -> list[Sequence]:
        """Those that have given way since the last call, or have waited for long behind others. They wait."""
        outranked, self._outranked = self._outranked, []
        return outranked

    def plan(self, prompt_tokens: int, *, admit: bool = True, now: float = 0.0) -> Plan:
        """Choose the next batch; empty if nothing runs that is ready.

        Args:
            prompt_tokens: how many tokens of prompts it may have.
            admit: whether waiting sequences may get slots.
            now: the time, for those that give way.
        """
        if admit:
            self.admit(now)
        self._num_ran = len(self.running)
        self._slots.limit_kept()
        while not self._slots.make_room(self.num_decoding or bool(self.running)):
            self.set_back_youngest()
        alone = bool(self._alone)
        able = [each for each in self.running if each.ready and not each.restoring and (each.alone or not alone)]
        limits = {"room": self._batch_tokens, "prompt_tokens": prompt_tokens, "prompt_logits": self._prompt_logits}
        return fill(self._turns.choose(able), self._slots, **limits)

    def admit(self, now: float) -> None:
        """Give slots to those that wait, as far as there are some."""
        self._now = now
        self._end_spares()
        if self._alone:
            self._admit_alone()
        elif not self._gathers_slots:
            self._admit()

    def set_back_youngest(self) -> Sequence:
        """Make room in the cache: the youngest that gives way, or else of who has most, computes its tokens again."""
        youngest = last(self.running)
        self._set_back(youngest)
        self.num_set_back += 1
        return youngest

    def refuse(self, plan: Plan) -> bool:
        """A plan found no room in the cache, and nothing of it was run. Make room; whether that could be done."""
        for chunk in plan.chunks:
            assert chunk.sequence.slot is not None
            self._slots.shrink(chunk.sequence.slot, chunk.count)
        if self._slots.forget_kept():
            return True
        if len(self.running) < 2:
            return False
        self.set_back_youngest()
        self._slots.forget_kept()
        return True

    def _admit(self) -> None:
        held_back: set[Sequence] = set()
        while self.waiting:
            sequence = self.waiting.next(Shares(self.running), but=held_back)
            if sequence is None:
                break
            if self._has_slot and is_being_computed(sequence, self.running, self._slots):
                held_back.add(sequence)
            elif self._could_start(sequence):
                self.waiting.remove(sequence)
                self._start(sequence)
            elif not self._take_over_for(sequence):
                break
        for overtaken in overtaken_by(self.running, self.waiting, self._now - PATIENCE_SECONDS):
            overtaken.waiting_since = self._now
            self._outranked.append(overtaken)

    @property
    def _gathers_slots(self) -> bool:
        """Whether the free slots wait for more, since some became free in the last batch and nobody is in a hurry."""
        if not self._gathers or not 0 < len(self.running) < self._num_ran:
            return False
        return all(sequence.gives_way for sequence in (*self.running, *self.waiting))

    def _take_over_for(self, sequence: Sequence) -> bool:
        """Set one back that makes room for a sequence, if there would be room in the end; whether it did."""
        if sequence.gives_way:
            return False
        giving_way = [running for running in reversed(self.running) if running.gives_way]
        making_room = giving_way + made_room_by(self.running, sequence)
        if not making_room or not self._could_start(sequence, but=making_room):
            return False
        if is_being_computed(sequence, self.running, self._slots):
            return False
        self._set_back(making_room[0])
        if giving_way:
            self._outranked.append(making_room[0])
        else:
            self.num_shared_out += 1
        return True

    def _end_spares(self) -> None:
        """Those that were spared for long enough give way again."""
        for sequence in (*self.running, *self.waiting):
            if sequence.spared_until <= self._now:
                sequence.spared_seconds = 0.0

    def _set_back(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self._vacate(sequence)
        sequence.set_back()
        sequence.waiting_since = self._now
        self.waiting.add(sequence, first=True)

    def _admit_alone(self) -> None:
        """Give slots to those that are decoded alone, as many as there are; the others make room."""
        for sequence in [sequence for sequence in self._alone if sequence.slot is None]:
            while not self._could_start(sequence):
                if self.running[-1].alone:
                    return
                self.set_back_youngest()
            self.waiting.remove(sequence)
            self._start(sequence)

    @property
    def _has_slot(self) -> bool:
        return len(self.running) < self._max_running and self._slots.has_vacant

    def _could_start(self, sequence: Sequence, *, but: Collection[Sequence] = ()) -> bool:
        """Whether there is a slot, and room for its tokens and one more beside what others are about to compute.

        Args:
            but: running sequences that are left out of account.
        """
        if not but and not self._has_slot:
            return False
        others = [running for running in self.running if running not in but]
        if not others:
            return True
        pending = sum(running.num_pending for running in others)
        unshared = len(sequence.tokens) - len(sequence.shareable)
        vacated = [each.slot for each in but if each.slot]
        beside = pending + unshared + 1
        return self._slots.has_room(
            sequence.shareable, owner=sequence.owner, adapters=sequence.adapters, beside=beside, but=vacated
        )

    def _start(self, sequence: Sequence) -> None:
        self._turns.begin(sequence)
        sequence.slot = self._slots.acquire(sequence.shareable, sequence.owner, sequence.adapters)
        sequence.start(len(sequence.slot.tokens), num_own=sequence.slot.own)
        sequence.restoring = self._restores
        self.running.append(sequence)
        if sequence.spared_seconds and sequence.spared_until == math.inf:
            for each in self.of_job(sequence.job):
                each.spared_until = self._now + each.spared_seconds

    def _vacate(self, sequence: Sequence) -> None:
        assert sequence.slot is not None
        self._slots.release(sequence.slot)
