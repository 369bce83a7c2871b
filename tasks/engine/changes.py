"""What the slots have decided, told to the model's memory."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.engine.backend import Backend
from tasks.engine.slots import Change, Copy, Forget


def carry_out(changes: Iterable[Change], backend: Backend) -> None:
    """Change what a model's slots hold, in this order."""
    for change in changes:
        match change:
            case Forget(slot, start):
                backend.forget(slot, start)
            case Copy(source, target, length):
                backend.copy(source, target, length)
