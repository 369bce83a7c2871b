"""Turns for the others of a web process: its greenlets change only at calls that wait, and a computation has none."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

PAUSE_SECONDS = 1e-4
"""With 0 gevent lets other greenlets run, but looks at neither its timers nor its sockets."""

T = TypeVar("T")


def pause() -> None:
    """Let the others of this process have their turn."""
    time.sleep(PAUSE_SECONDS)


def in_turns(items: Iterable[T], size: int) -> Iterator[T]:
    """The items, with a pause after each `size` of them."""
    for number, item in enumerate(items, 1):
        yield item
        if number % size == 0:
            pause()
