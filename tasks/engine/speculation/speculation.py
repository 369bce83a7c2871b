"""Which sequences draft in the next step, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Literal
from weakref import WeakKeyDictionary

from tasks.engine.plan import Plan
from tasks.engine.sequence import Sequence
from tasks.engine.speculation.budget import Budget
from tasks.engine.speculation.drafter import Drafter

Mode = Literal["auto", "lookup", "off"]
MOST_ROWS = 16
"""Of a step with drafts: beyond, a row costs a CPU as much as a step's share of it."""
MOST_STREAMS = 4
"""Sequences that decode together while any of them drafts."""


class Speculation:
    """Drafts tokens for sequences that decode. All calls come from the engine's thread.

    Args:
        mode: `lookup` drafts whenever it can, `auto` only while drafts are worth their rows, `off` never.
    """

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._budget = Budget()
        self._drafters: WeakKeyDictionary[Sequence, Drafter] = WeakKeyDictionary()
        self._accepted = 0
        self.num_drafted = self.num_accepted = 0

    def propose(self, running: Several[Sequence], *, cells_free: int) -> None:
        """Give sequences their drafts, if all of them decode and there is room for the rows.

        Args:
            running: all sequences that have a slot.
            cells_free: of the cache.
        """
        self._accepted = 0
        if self._mode == "off" or not 0 < len(running) <= MOST_STREAMS:
            return
        if not all(sequence.decodes and sequence.ready and not sequence.alone for sequence in running):
            return
        if self._mode == "auto" and not self._budget.allows(len(running)):
            return
        most = (min(MOST_ROWS, cells_free) - len(running)) // len(running)
        for sequence in running if most > 0 else ():
            if _may_draft(sequence):
                sequence.draft = self._of(sequence).draft(sequence, most)

    def observe(self, sequence: Sequence, accepted: int) -> None:
        """So many tokens of a sequence's draft came true."""
        drafted, sequence.draft = len(sequence.draft), []
        self._accepted += accepted
        self.num_drafted += drafted
        self.num_accepted += accepted
        sequence.num_drafted += drafted
        sequence.num_accepted += accepted
        self._of(sequence).observe(sequence, drafted, accepted)

    def time(self, plan: Plan, seconds: float) -> None:
        """A step took so long, the choice of its tokens included."""
        if self._mode != "auto" or plan.num_prompt_tokens or not plan.num_decoding:
            return
        if plan.num_drafted:
            self._budget.drafted(plan.num_decoding, seconds, self._accepted)
        else:
            self._budget.plain(plan.num_decoding, seconds)

    def _of(self, sequence: Sequence) -> Drafter:
        if sequence not in self._drafters:
            self._drafters[sequence] = Drafter()
        return self._drafters[sequence]


def _may_draft(sequence: Sequence) -> bool:
    """Whether its tokens can be chosen one after another at once: a grammar computes what it allows after each."""
    return not sequence.params.grammar and sequence.prompt_logprobs is None
