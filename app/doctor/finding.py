"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether it is well."""

    OK = "ok"
    WARNING = "warning"
    """It works, and could be better or may fail later."""
    FAULT = "fault"
    """Something must be done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is well, what was found, and what to do."""

    check: str
    state: State
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, State.OK, found)


def warning(check: str, found: str, advice: str) -> Finding:
    """It works; `advice` says what would be better."""
    return Finding(check, State.WARNING, found, advice)


def fault(check: str, found: str, advice: str) -> Finding:
    """It does not work; `advice` says what mends it."""
    return Finding(check, State.FAULT, found, advice)
