"""One batch: how many tokens of each sequence that has a slot are run in it. Pure bookkeeping."""

from __future__ import annotations

from collections.abc import Sequence as Listed
from dataclasses import dataclass, field

from tasks.engine.backend import Row
from tasks.engine.sequence import Sequence
from tasks.engine.slots import SlotPool
from tasks.records.adapters import Adapters


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens of one sequence that are run in a batch. `row` gives its next token, if they are all that was pending."""

    sequence: Sequence
    count: int
    first_row: int
    row: int | None
    decodes: bool
    num_drafted: int = 0
    """Rows behind `row`, each of which gives the next token if the one in it came true."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch."""

    rows: list[Row] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    adapters: Adapters = ()
    """What all of it is computed with."""

    @property
    def num_decoding(self) -> int:
        return sum(chunk.decodes for chunk in self.chunks)

    @property
    def num_prompt_tokens(self) -> int:
        return len(self.rows) - self.num_decoding - self.num_drafted

    @property
    def num_drafted(self) -> int:
        return sum(chunk.num_drafted for chunk in self.chunks)


def fill(running: Listed[Sequence], slots: SlotPool, *, room: int, prompt_tokens: int, prompt_logits: int) -> Plan:
    """A batch of the decoding sequences, one token each, then of chunks of prompts, the oldest first.

    Args:
        running: sequences with the same adapters.
        room: tokens of the batch, at most.
        prompt_tokens: tokens of prompts among them, at most.
        prompt_logits: tokens among these, at most, whose logits are told. All are of one sequence: beside another's,
            the last digits would be others.
    """
    plan, decoding, rest = Plan(adapters=running[0].adapters if running else ()), list[Sequence](), list[Sequence]()
    for sequence in running:
        (decoding if sequence.decodes and sequence.prompt_logprobs is None else rest).append(sequence)
    count = _room_for(slots, min(len(decoding), room))
    if any(sequence.draft for sequence in decoding[:count]):
        _add_drafts(plan, slots, decoding[:count], room=min(room, slots.cells_free))
    else:
        _add_decoding(plan, slots, decoding[:count])
    room -= len(plan.rows)
    for sequence in sorted(rest, key=lambda sequence: not sequence.decodes):
        limit = room if sequence.decodes else min(room, prompt_tokens)
        if sequence.prompt_logprobs is not None:
            limit = min(limit, prompt_logits)
        count = _room_for(slots, min(sequence.num_pending, limit))
        if count == 0:
            continue
        room -= count
        prompt_tokens -= 0 if sequence.decodes else count
        prompt_logits = prompt_logits if sequence.prompt_logprobs is None else 0
        _add_chunk(plan, slots, sequence, count)
    return plan


def _room_for(slots: SlotPool, count: int) -> int:
    """How many of so many tokens the cache takes, if kept prefixes give way."""
    while count and not slots.make_room(count):
        count = min(count - 1, slots.cells_free)
    return count


def _add_decoding(plan: Plan, slots: SlotPool, decoding: list[Sequence]) -> None:
    """One row each, first in the batch. Most steps have nothing else, so this is short."""
    tokens = [sequence.tokens[sequence.num_computed] for sequence in decoding]
    held = [sequence.slot for sequence in decoding if sequence.slot is not None]
    slots.grow_each(held, tokens)
    for row, (sequence, slot, token) in enumerate(zip(decoding, held, tokens, strict=True)):
        plan.rows.append(Row(token, sequence.num_computed, slot.id, True))
        plan.chunks.append(Chunk(sequence, 1, row, row, True))


def _add_drafts(plan: Plan, slots: SlotPool, decoding: list[Sequence], *, room: int) -> None:
    """The row of each, and behind it those of its draft, as far as there is room for them."""
    spare = room - len(decoding)
    for sequence in decoding:
        sequence.draft = sequence.draft[: max(0, spare)]
        spare -= len(sequence.draft)
        tokens, start, slot = [sequence.tokens[-1], *sequence.draft], sequence.num_computed, sequence.slot
        assert slot is not None
        first = len(plan.rows)
        slots.grow(slot, tokens)
        plan.rows.extend(Row(token, at, slot.id, True) for at, token in enumerate(tokens, start))
        plan.chunks.append(Chunk(sequence, len(tokens), first, first, True, len(sequence.draft)))


def _add_chunk(plan: Plan, slots: SlotPool, sequence: Sequence, count: int) -> None:
    assert sequence.slot is not None
    start, slot = sequence.num_computed, sequence.slot
    completes, decodes = count == sequence.num_pending, sequence.decodes
    tokens = sequence.tokens[start : start + count]
    slots.grow(slot, tokens)
    first_row = len(plan.rows)
    plan.rows.extend(Row(token, at, slot.id, sequence.tells_logprobs(at)) for at, token in enumerate(tokens, start))
    if completes:
        plan.rows[-1] = Row(tokens[-1], start + count - 1, slot.id, True)
    plan.chunks.append(Chunk(sequence, count, first_row, len(plan.rows) - 1 if completes else None, decodes))
