"""What other threads leave for the engine's."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")


def drain(inbox: SimpleQueue[T]) -> list[T]:
    """Take all that lies there."""
    items: list[T] = []
    while True:
        try:
            items.append(inbox.get_nowait())
        except Empty:
            return items
