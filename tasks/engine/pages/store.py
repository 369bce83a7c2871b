"""Where pages are: in memory, and in a folder if there is one, from which they come to memory before their use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tasks.engine.backend import Saved
from tasks.engine.pages.disk import Done, PageDisk
from tasks.engine.pages.memory import Page, PageMemory
from tasks.logs import get_logger

log = get_logger(__name__)

PATIENCE_SECONDS = 2.0
"""What a page is waited for; a disk that takes longer is no help."""


class PageStore:
    """Pages by key. One thread uses it.

    Args:
        memory: bytes of memory that all pages take at most, those included that are being read or written.
        files: the digests of the model's file and of its adapters', as `keys.root` has them.
        disk: keeps them beyond the memory, and beyond the process.
    """

    def __init__(
        self, memory: int, *, files: str, disk: PageDisk | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.files = files
        self._memory = PageMemory(memory)
        self._disk = disk
        self._clock = clock
        self._has_told = False
        self._coming: dict[bytes, tuple[int, float]] = {}
        """Pages that are being read: the room that is reserved for each, and since when."""

    @property
    def num_pages(self) -> int:
        """In memory."""
        return len(self._memory)

    @property
    def num_bytes(self) -> int:
        """Of memory."""
        return self._memory.num_bytes

    @property
    def num_discarded(self) -> int:
        """Pages that left memory, since others were used later."""
        return self._memory.num_discarded

    @property
    def folder_bytes(self) -> int:
        return self._disk.num_bytes if self._disk else 0

    @property
    def num_refused(self) -> int:
        """Files of the folder that were not what they should be."""
        return self._disk.num_refused if self._disk else 0

    def get(self, key: bytes) -> Page | None:
        """A page in memory."""
        return self._memory.get(key)

    def put(self, key: bytes, saved: Saved, *, number: int) -> Page | None:
        """Keep a text's page of that number, if there is room."""
        if not self._memory.holds(len(saved)) and not self._has_told:
            self._has_told = True
            log.warning("prefix_cache is smaller than a page of this model: raise it", page_bytes=len(saved))
        page = self._memory.put(key, saved)
        if page and self._disk:
            page.held = self._disk.write(key, saved, number=number)
        return page

    def drop(self, key: bytes) -> None:
        """A page is not what it should be."""
        self._memory.drop(key)

    def touch(self, keys: Sequence[bytes]) -> None:
        """The first pages of a text are in use."""
        self._memory.touch(keys)

    def end(self, keys: list[bytes]) -> None:
        """A text with these pages has ended; it may go on another day."""
        self._memory.touch(keys)
        if self._disk and keys:
            self._disk.touch(keys)

    def fetch(self, keys: Sequence[bytes]) -> None:
        """Have the first pages of a text read that are not in memory, up to one that is nowhere."""
        if not self._disk:
            return
        for key in keys:
            if self._memory.get(key) or key in self._coming:
                continue
            size = self._disk.size_of(key)
            if size is None or not self._memory.reserve(size):
                return
            self._coming[key] = size, self._clock()
            self._disk.read(key)

    def is_coming(self, key: bytes) -> bool:
        """Whether a page is being read, and worth to be waited for."""
        return key in self._coming and self._clock() < self._coming[key][1] + PATIENCE_SECONDS

    def update(self) -> None:
        """Take notice of what the disk has done."""
        if self._disk:
            for done in self._disk.done():
                self._note(done)

    def wait(self, seconds: float) -> None:
        """Until the disk has done something, so long at most."""
        if self._disk:
            self._disk.wait(seconds)

    def close(self) -> None:
        if self._disk:
            self._disk.close()

    def _note(self, done: Done) -> None:
        if done.reads:
            self._memory.release(self._coming.pop(done.key)[0])
            if done.saved is not None and not self._memory.get(done.key):
                self._memory.put(done.key, done.saved)
        elif page := self._memory.get(done.key):
            page.held = False
