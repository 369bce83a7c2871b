"""Saves what sequences compute, page by page as it becomes whole, and loads it for those that begin alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass

from tasks.engine.backend import Backend, Saved
from tasks.engine.changes import carry_out
from tasks.engine.figures import EngineFigures
from tasks.engine.pages.keys import PAGE_TOKENS, PageKeys, root
from tasks.engine.pages.store import PageStore
from tasks.engine.plan import Chunk
from tasks.engine.sequence import Sequence
from tasks.engine.slots import SlotPool

SAVING_SHARE = 0.1
"""Of the engine's time, at most; a page more if it takes longer than that."""
MOST_CREDIT_SECONDS = 0.25
LOADING_SECONDS = 0.05
"""Of a step, where others decode; the rest comes with the next ones."""
LOADING_SECONDS_ALONE = 0.25
FETCHED_AHEAD = 8
"""Pages of a sequence that are read from the folder at once."""
MOMENT_SECONDS = 0.005
"""What a step waits for the disk, if nothing else is to do."""


@dataclass(slots=True)
class Pages:
    """Of one sequence: the keys of its text's pages, and how many of them were seen to be kept."""

    keys: PageKeys
    num_kept: int = 0


class Pager:
    """Between a model's cells and a store of pages.

    What is loaded is what would be computed: pages are found by the tokens before and in them, the model and its
    adapters, and the owner, as far as owners do not share.

    Args:
        slots: those of the model's cells; loading takes cells of it.
        across_owners: whether owners share what they have in common.
    """

    def __init__(
        self,
        backend: Backend,
        slots: SlotPool,
        store: PageStore,
        *,
        across_owners: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._backend, self._slots, self.store = backend, slots, store
        self._across_owners = across_owners
        self._clock = clock
        self._credit = MOST_CREDIT_SECONDS
        self._pages: dict[Sequence, Pages] = {}
        self.num_restored = 0
        """Tokens that were loaded."""
        self.num_hits = 0
        """Sequences of which some were."""

    def save(self, chunks: Collection[Chunk]) -> None:
        """Keep the pages that a batch has made whole, before its sequences take notice of it."""
        for chunk in chunks:
            sequence = chunk.sequence
            num_whole = (sequence.num_computed + chunk.count - chunk.num_drafted) // PAGE_TOKENS
            pages = self._pages.get(sequence) or self._begin(sequence)
            if pages.num_kept < num_whole and self._credit > 0:
                self._save(sequence, pages, num_whole)

    def earn(self, seconds: float) -> None:
        """A step took so long: a part of it may be spent with saving."""
        self._credit = min(MOST_CREDIT_SECONDS, self._credit + SAVING_SHARE * seconds)

    def restore(self, running: Collection[Sequence]) -> None:
        """Load what there is of the sequences that have just got their slots, and of those that are not done yet."""
        self.store.update()
        restoring = [sequence for sequence in running if sequence.restoring]
        if not restoring:
            return
        others_decode = any(sequence.decodes for sequence in running)
        ends = self._clock() + (LOADING_SECONDS if others_decode else LOADING_SECONDS_ALONE)
        for sequence in restoring:
            sequence.restoring = self._restore(sequence, ends)
        if all(sequence.restoring for sequence in running) and self._clock() < ends:
            self.store.wait(MOMENT_SECONDS)

    def gauge(self, figures: EngineFigures) -> None:
        """Note what there is, and what has come back."""
        figures.cache_hits, figures.restored_tokens = self.num_hits, self.num_restored
        figures.cache_pages, figures.cache_bytes = self.store.num_pages, self.store.num_bytes
        figures.cache_folder_bytes = self.store.folder_bytes
        figures.cache_evictions, figures.cache_refused = self.store.num_discarded, self.store.num_refused

    def end(self, sequence: Sequence) -> None:
        """A sequence is dropped."""
        if pages := self._pages.pop(sequence, None):
            self.store.end(pages.keys.first(pages.num_kept))

    def _begin(self, sequence: Sequence) -> Pages:
        start = root(
            files=self.store.files,
            form=self._backend.saved_as,
            salt=self._salt(sequence),
            adapters=sequence.adapters,
        )
        pages = self._pages[sequence] = Pages(PageKeys(start))
        return pages

    def _salt(self, sequence: Sequence) -> Hashable:
        return None if self._across_owners else (sequence.owner,)

    def _save(self, sequence: Sequence, pages: Pages, num_whole: int) -> None:
        assert sequence.slot is not None
        began = self._clock()
        while pages.num_kept < num_whole and self._clock() - began < self._credit:
            number = pages.num_kept
            key = pages.keys.key(number, sequence.tokens)
            page = self.store.get(key)
            if page is None:
                start = number * PAGE_TOKENS
                saved = self._backend.save(sequence.slot.id, start, start + PAGE_TOKENS)
                page = self.store.put(key, saved, number=number)
            if page is not None:
                page.know(sequence.owner)
            pages.num_kept += 1
        self._credit -= self._clock() - began
        self.store.touch(pages.keys.first(pages.num_kept))

    def _restore(self, sequence: Sequence, ends: float) -> bool:
        """Load pages of a sequence until that time; whether there are more."""
        pages = self._pages.get(sequence) or self._begin(sequence)
        last = (len(sequence.shareable) - 1) // PAGE_TOKENS
        while (number := sequence.num_computed // PAGE_TOKENS) < last:
            ahead = range(number, min(last, number + FETCHED_AHEAD))
            self.store.fetch([pages.keys.key(each, sequence.tokens) for each in ahead])
            key = pages.keys.key(number, sequence.tokens)
            page = self.store.get(key)
            if page is None:
                return self.store.is_coming(key)
            if self._clock() >= ends:
                return True
            is_own = not self._across_owners or sequence.owner in page.owners
            if not self._load(sequence, number, page.saved):
                self.store.drop(key)
                return False
            page.know(sequence.owner)
            self._note(sequence, number, is_own=is_own)
        return False

    def _load(self, sequence: Sequence, number: int, saved: Saved) -> bool:
        """Have a sequence's slot hold a page to its end; whether there was room, and the page was one."""
        slot, start = sequence.slot, sequence.num_computed
        assert slot is not None
        if not self._slots.make_room(PAGE_TOKENS):
            return False
        carry_out(self._slots.take_changes(), self._backend)
        if not self._backend.load(slot.id, start, saved):
            return False
        self._slots.grow(slot, sequence.tokens[start : (number + 1) * PAGE_TOKENS])
        return True

    def _note(self, sequence: Sequence, number: int, *, is_own: bool) -> None:
        count = (number + 1) * PAGE_TOKENS - sequence.num_computed
        self.num_hits += not sequence.num_restored
        self.num_restored += count
        sequence.restore(count, is_own=is_own)
