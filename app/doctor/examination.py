"""One check after the other: none ends the others, and none tells a secret."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from app.doctor.finding import Finding, fault

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Check:
    """A subject, and what looks at it."""

    name: str
    look: Callable[[], Iterable[Finding]]


def examine(
    checks: Iterable[Check], *, secrets: Collection[str] = (), begun: Callable[[str], None] = lambda _name: None
) -> Iterator[Finding]:
    """The findings of all checks, in order. A check that raises is a fault of its own.

    Args:
        secrets: texts that no finding may hold; they are replaced.
        begun: is told the name of each check before it begins.
    """
    for check in checks:
        begun(check.name)
        for finding in _attempt(check):
            yield replace(finding, found=_hide(finding.found, secrets), advice=_hide(finding.advice, secrets))


def _attempt(check: Check) -> Iterator[Finding]:
    try:
        yield from check.look()
    except Exception as exc:
        said = " ".join(str(exc).split())
        yield fault(
            check.name,
            f"this check ended with {type(exc).__name__}: {said}",
            "The part may be in order. Report this as a bug, with the whole output.",
        )


def _hide(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text
