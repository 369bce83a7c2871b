"""The thread that reads and writes a folder of pages, so that nobody waits for a disk who decodes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from tasks.engine.backend import Saved
from tasks.engine.inbox import drain
from tasks.engine.pages.folder import PageFolder, Refused, file_size
from tasks.logs import get_logger

MOST_QUEUED_BYTES = 256 << 20
"""Pages that wait to be written; a disk that is slower than the model gets no more."""
SCAN_SECONDS = 30.0
"""How often it is looked for what other workers have written."""
COMPLAINT_SECONDS = 60.0
CLOSE_SECONDS = 5.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """A page was written, or was read: then with what was saved, or None if it is not there any more."""

    key: bytes
    reads: bool
    size: int = 0
    """Bytes that were to be written."""
    saved: bytes | None = None


class PageDisk:
    """Reads and writes pages behind the caller's back. All calls come from one thread, and none waits but `wait`."""

    def __init__(self, folder: PageFolder) -> None:
        self._folder = folder
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._came = threading.Event()
        self._sizes: dict[bytes, int] = {}
        self._queued = 0
        self._scanned_at = 0.0
        self._complained_at = -COMPLAINT_SECONDS
        self.num_bytes = 0
        self.num_refused = 0
        self._thread = threading.Thread(target=self._run, name="pages", daemon=True)
        self._scan()
        self._thread.start()

    def size_of(self, key: bytes) -> int | None:
        """The bytes of a page that can be read; None if there is none."""
        return self._sizes.get(key) if self._thread.is_alive() else None

    def write(self, key: bytes, saved: Saved, *, number: int) -> bool:
        """Whether a page is going to be written, and so is to be kept until it is done."""
        if key in self._sizes or self._queued + len(saved) > MOST_QUEUED_BYTES or not self._thread.is_alive():
            return False
        self._queued += len(saved)
        self._tasks.put(lambda: self._write(key, saved, number))
        return True

    def read(self, key: bytes) -> None:
        """Have a page read."""
        self._tasks.put(lambda: self._read(key))

    def touch(self, keys: list[bytes]) -> None:
        """A text's pages were used."""
        self._tasks.put(lambda: self._folder.touch(keys))

    def done(self) -> Iterator[Done]:
        """What was done since the last call."""
        self._came.clear()
        for done in drain(self._done):
            self._queued -= done.size
            yield done

    def wait(self, seconds: float) -> None:
        """Until something is done, so long at most."""
        self._came.wait(seconds)

    def close(self) -> None:
        """Write what waits, if that is quick."""
        self._tasks.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=max(0.0, self._scanned_at + SCAN_SECONDS - time.monotonic()))
            except Empty:
                task = self._scan
            if task is None:
                return
            try:
                task()
            except OSError as exc:
                self._complain(exc)

    def _complain(self, exc: OSError) -> None:
        """A full disk fails with every page: once in a while is enough."""
        if time.monotonic() > self._complained_at + COMPLAINT_SECONDS:
            self._complained_at = time.monotonic()
            log.warning("the folder of prefixes cannot be used", error=str(exc))

    def _scan(self) -> None:
        self._scanned_at = time.monotonic()
        self._sizes = {file.key: file.size for file in self._folder.trim(0)}
        self.num_bytes = sum(self._sizes.values())

    def _write(self, key: bytes, saved: Saved, number: int) -> None:
        try:
            size = file_size(saved)
            if self._has_room(size):
                self._folder.write(key, saved, number=number)
                self._sizes[key] = size
                self.num_bytes += size
        finally:
            self._tell(Done(key, reads=False, size=len(saved)))

    def _has_room(self, size: int) -> bool:
        if not self._folder.holds(self.num_bytes + size):
            self._sizes = {file.key: file.size for file in self._folder.trim(size)}
            self.num_bytes = sum(self._sizes.values())
        return self._folder.holds(self.num_bytes + size)

    def _read(self, key: bytes) -> None:
        saved = None
        try:
            saved = self._folder.read(key)
        except Refused as exc:
            self.num_refused += 1
            log.warning("a page of a prefix was refused and deleted", key=key.hex(), reason=str(exc))
        except FileNotFoundError:  # another worker needed the room
            pass
        finally:
            if saved is None:
                self.num_bytes -= self._sizes.pop(key, 0)
            self._tell(Done(key, reads=True, saved=saved))

    def _tell(self, done: Done) -> None:
        self._done.put(done)
        self._came.set()
