"""Numbers in sentences. Pure."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number and its noun: ``1 job``, ``2 jobs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
