"""Slots and the prefixes they hold: who decodes where, what may be shared, and what is forgotten when cells run out.

A slot is a llama.cpp sequence id and the cells behind it. More slots exist than sequences may run: one whose sequence
has ended keeps its cells, until a prompt that begins alike takes them over or the cells are needed.

Beginnings are shared within an owner, and among what is computed with the same adapters. Another owner's are shared
only where that is asked for; and of those nothing is told: `Slot.own` counts what the owner itself had asked for.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field

from tasks.engine.allowance import Allowance
from tasks.engine.cells import CellPool
from tasks.engine.prefixes import LEAST_SHARED_TOKENS, common_prefix
from tasks.records.adapters import Adapters


@dataclass(slots=True, eq=False)
class Slot:
    """What one slot holds: tokens that were computed, and the cells they lie in."""

    id: int
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    busy: bool = False
    released_at: int = 0
    known: dict[Hashable, float] = field(default_factory=dict)
    """Owners who had these tokens computed or took them over, and how many of them, from the first on."""
    own: int = 0
    """How many of the tokens with which its sequence began are the owner's own of before."""
    adapters: Adapters = ()
    """What its tokens were computed with."""

    def begin(self, owner: Hashable, adapters: Adapters) -> None:
        """A sequence of an owner goes on here: it knows what the slot holds, and all that is added."""
        self.adapters = adapters
        self.known = {other: min(count, len(self.tokens)) for other, count in self.known.items()}
        self.own = int(self.known.get(owner, 0))
        self.known[owner] = math.inf
        self.busy = True


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop what a slot holds from position `start` on."""

    slot: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class Copy:
    """Have `target`, which holds nothing, hold the first `length` tokens of `source` as well."""

    source: int
    target: int
    length: int


Change = Forget | Copy


class SlotPool:
    """All slots and cells. Decisions are made here; the engine carries out `take_changes` before the next batch.

    Args:
        can_share: whether the model's memory can hold a cell for several slots.
        across_owners: whether owners share what they have in common.
    """

    def __init__(self, *, num_slots: int, cache_tokens: int, can_share: bool, across_owners: bool = False) -> None:
        self._slots = [Slot(number) for number in range(num_slots)]
        self._cells = CellPool(cache_tokens)
        self.can_share = can_share
        self._across_owners = across_owners
        self._allowance = Allowance()
        self._kept_changed = False
        self._clock = 0
        self._changes: list[Change] = []

    @property
    def cells_used(self) -> int:
        """Cells that any slot holds, kept prefixes included."""
        return self._cells.num_used

    @property
    def cells_free(self) -> int:
        return self._cells.num_free

    @property
    def cells_obtainable(self) -> int:
        """Cells that are free, or that only kept prefixes hold."""
        return self._cells.num_outside([slot.cells for slot in self._slots if slot.busy])

    @property
    def has_vacant(self) -> bool:
        return not all(slot.busy for slot in self._slots)

    def may_share(self, owner: Hashable, other: Hashable) -> bool:
        """Whether one owner's sequence may take over what another's has computed."""
        return self.can_share and (self._across_owners or owner == other)

    def has_room(
        self,
        tokens: Tokens[int],
        *,
        beside: int,
        owner: Hashable = None,
        adapters: Adapters = (),
        but: Collection[Slot] = (),
    ) -> bool:
        """Whether there are cells for a sequence of these tokens, and so many beside it, that no busy slot holds.

        What a busy slot holds of the tokens already takes no cells. Some of them may be left out of account.
        """
        busy = [slot.cells for slot in self._slots if slot.busy and slot not in but]
        source, length = self._best(tokens, owner, adapters)
        held = self._cells.num_outside(busy, among=source.cells[:length]) if source else 0
        return len(tokens) - length + held + beside <= self._cells.num_outside(busy)

    def longest_shared(self, tokens: Tokens[int], owner: Hashable = None, adapters: Adapters = ()) -> int:
        """How many tokens of an owner's prompt some slot holds already that it may share."""
        return self._best(tokens, owner, adapters)[1]

    def acquire(self, tokens: Tokens[int], owner: Hashable = None, adapters: Adapters = ()) -> Slot:
        """A slot for a sequence of an owner, which holds what could be shared of its tokens, but for the last one.

        There must be a slot that is not busy.
        """
        source, length = self._best(tokens, owner, adapters)
        self._kept_changed = True
        self._weigh_keeping(source, length)
        if source is None:
            return self._claim(self._vacant(), owner, adapters)
        if not source.busy and length == len(source.tokens):
            return self._claim(source, owner, adapters)
        target = self._vacant(but=source)
        if target is source:
            self._cut(source, length)
            return self._claim(source, owner, adapters)
        self._changes.append(Copy(source.id, target.id, length))
        target.tokens, target.cells = source.tokens[:length], source.cells[:length]
        target.known = source.known
        self._cells.share(target.cells)
        return self._claim(target, owner, adapters)

    def grow(self, slot: Slot, tokens: Tokens[int]) -> None:
        """Tokens are about to be computed in a slot; there must be free cells for them."""
        slot.cells += self._cells.take(len(tokens))
        slot.tokens += tokens

    def grow_each(self, slots: Tokens[Slot], tokens: Tokens[int]) -> None:
        """A token is about to be computed in each of some slots; there must be free cells for them."""
        for slot, cell, token in zip(slots, self._cells.take(len(tokens)), tokens, strict=True):
            slot.cells.append(cell)
            slot.tokens.append(token)

    def shrink(self, slot: Slot, count: int) -> None:
        """The last `count` tokens of a slot were not computed after all: the batch was refused as a whole."""
        self._cells.give(slot.cells[len(slot.cells) - count :])
        del slot.cells[len(slot.cells) - count :], slot.tokens[len(slot.tokens) - count :]

    def take_back(self, slot: Slot, count: int) -> None:
        """The last `count` tokens of a slot were computed for nothing."""
        self._cut(slot, len(slot.cells) - count)

    def release(self, slot: Slot) -> None:
        """A slot's sequence has ended or was set back; what it holds stays until it is needed."""
        self._clock += 1
        self._kept_changed = True
        slot.busy, slot.released_at = False, self._clock
        if not self.can_share:
            self._cut(slot, 0)

    def make_room(self, count: int) -> bool:
        """Forget kept prefixes, least recently used first, until so many cells are free; whether they are."""
        while self._cells.num_free < count:
            kept = [slot for slot in self._slots if slot.cells and not slot.busy]
            if not kept:
                return False
            self._cut(min(kept, key=lambda slot: slot.released_at), 0)
        return True

    def forget_kept(self) -> bool:
        """Forget all kept prefixes; whether there were any."""
        kept = [slot for slot in self._slots if slot.cells and not slot.busy]
        for slot in kept:
            self._cut(slot, 0)
        return bool(kept)

    def limit_kept(self) -> None:
        """Forget what is kept beyond its allowance, least recently used first; without a busy slot it costs nobody."""
        if not self._kept_changed or not any(slot.busy for slot in self._slots):
            return
        self._kept_changed = False
        room = self._allowance.cells
        for slot, added in self._kept():
            room -= added
            if room < 0:
                self._cut(slot, 0)

    def take_changes(self) -> list[Change]:
        """What the model's memory is to be told, in order, since the last call."""
        changes, self._changes = self._changes, []
        return changes

    def _best(self, tokens: Tokens[int], owner: Hashable, adapters: Adapters) -> tuple[Slot | None, int]:
        """The slot that holds the longest beginning of an owner's tokens; one token is always left to compute."""
        if not self.can_share:
            return None, 0
        wanted = list(tokens[:-1])
        found, length = None, LEAST_SHARED_TOKENS - 1
        for slot in self._slots:
            if slot.adapters != adapters or not (self._across_owners or owner in slot.known):
                continue
            if slot.tokens[:LEAST_SHARED_TOKENS] == wanted[:LEAST_SHARED_TOKENS]:
                shared = common_prefix(slot.tokens, wanted)
                if shared > length or (found and shared == length and self._is_better(slot, found)):
                    found, length = slot, shared
        return (found, length) if found else (None, 0)

    @staticmethod
    def _is_better(slot: Slot, other: Slot) -> bool:
        """Of two slots with the same prefix: a busy one, which holds it anyway, else the last used."""
        return not other.busy and (slot.busy or slot.released_at > other.released_at)

    def _vacant(self, *, but: Slot | None = None) -> Slot:
        """A slot that is not busy: an empty one, else the least recently used; `but` only if there is no other."""
        vacant = [slot for slot in self._slots if not slot.busy]
        target = min(vacant, key=lambda slot: (slot is but, bool(slot.cells), slot.released_at))
        if target is not but:
            self._cut(target, 0)
        return target

    def _weigh_keeping(self, source: Slot | None, length: int) -> None:
        """A prompt shares so much with this slot, if any: notice how much had to be kept for that."""
        if source is None:
            return self._allowance.missed()
        if source.busy:
            return self._allowance.found(length)
        depth = 0
        for slot, added in self._kept():
            depth += added
            if slot is source:
                break
        return self._allowance.found(depth)

    def _kept(self) -> list[tuple[Slot, int]]:
        """Kept slots, last used first, and the cells that each takes beside the busy ones and those before it."""
        kept = [slot for slot in self._slots if slot.cells and not slot.busy]
        kept.sort(key=lambda slot: -slot.released_at)
        busy = [slot.cells for slot in self._slots if slot.busy]
        return list(zip(kept, self._cells.added_by([slot.cells for slot in kept], beside=busy), strict=True))

    def _claim(self, slot: Slot, owner: Hashable, adapters: Adapters) -> Slot:
        slot.begin(owner, adapters)
        return slot

    def _cut(self, slot: Slot, length: int) -> None:
        if len(slot.cells) > length:
            self._changes.append(Forget(slot.id, length))
            self._cells.give(slot.cells[length:])
            del slot.cells[length:], slot.tokens[length:]
        if not length:
            slot.known = {}
