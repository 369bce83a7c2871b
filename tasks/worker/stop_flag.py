"""That a process is told to stop, noted by a handler of signals."""

from __future__ import annotations

import time

TICK_SECONDS = 0.05


class StopFlag:
    """An event that a handler of signals may set.

    `threading.Event` takes a lock to be set and to be waited for. A handler that comes in the middle of either, on the
    same thread, would wait for that lock for ever.
    """

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float) -> bool:
        """Until it is set, give or take a tick, or so many seconds have passed; whether it is."""
        until = time.monotonic() + seconds
        while not self._set and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, TICK_SECONDS))
        return self._set
