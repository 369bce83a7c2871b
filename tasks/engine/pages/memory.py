"""Pages in the machine's memory, within a budget of bytes; the least recently used go first. Pure bookkeeping."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from tasks.engine.backend import Saved

PAGE_OVERHEAD = 1024
"""Bytes that a page takes beside what was saved: its key, and the objects around it."""
MOST_OWNERS = 1000
"""Of whom it is known that a page is theirs; of more it is forgotten, and they are told that they computed it."""


@dataclass(slots=True, eq=False)
class Page:
    """What was computed of some tokens, and whose they are. A page that is held is not discarded."""

    saved: Saved
    owners: set[Hashable] = field(default_factory=set)
    held: bool = False

    def know(self, owner: Hashable) -> None:
        """These are tokens of an owner's."""
        if len(self.owners) < MOST_OWNERS:
            self.owners.add(owner)


class PageMemory:
    """Pages by key.

    Args:
        budget: bytes that they, and room that is reserved for more, take at most.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._pages: OrderedDict[bytes, Page] = OrderedDict()
        self.num_bytes = 0
        self.num_discarded = 0

    def __len__(self) -> int:
        return len(self._pages)

    def get(self, key: bytes) -> Page | None:
        return self._pages.get(key)

    def put(self, key: bytes, saved: Saved) -> Page | None:
        """Take a page that is not there, if there is room for it."""
        if not self.reserve(len(saved)):
            return None
        page = self._pages[key] = Page(saved)
        return page

    def holds(self, size: int) -> bool:
        """Whether a page of so many bytes is within the budget."""
        return size + PAGE_OVERHEAD <= self._budget

    def reserve(self, size: int) -> bool:
        """Make room for a page of so many bytes, which it takes from now on; whether there is."""
        if not self.holds(size):
            return False
        size += PAGE_OVERHEAD
        while self.num_bytes + size > self._budget:
            oldest = next((key for key, page in self._pages.items() if not page.held), None)
            if oldest is None:
                return False
            self.drop(oldest)
            self.num_discarded += 1
        self.num_bytes += size
        return True

    def release(self, size: int) -> None:
        """A page of so many bytes does not need its room after all."""
        self.num_bytes -= size + PAGE_OVERHEAD

    def touch(self, keys: Sequence[bytes]) -> None:
        """A text's pages were used, from the first on, without which the others are worth nothing: it goes last."""
        for key in reversed(keys):
            if key in self._pages:
                self._pages.move_to_end(key)

    def drop(self, key: bytes) -> None:
        """Forget a page, if it is there."""
        if page := self._pages.pop(key, None):
            self.release(len(page.saved))
