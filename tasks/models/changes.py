"""What differs between two catalogues (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from tasks.models.entry import ModelEntry

NOT_THE_WORKERS: Final = frozenset(
    {"aliases", "tags", "sampling", "chat_template_kwargs", "workers", "keep_alive", "priority"}
)
"""Keys that the front reads, or whoever starts workers: a worker serves as well after one of them has changed."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Names of models, each tuple in the order of the alphabet.

    Args:
        changed: those with another entry, or another file.
        renewed: those of them that need other workers.
        replaced: those of them whose file is another.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renewed: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    @property
    def text(self) -> str:
        """``a and b were added; c was removed``; ``nothing has changed``."""
        told = ((self.added, "added"), (self.removed, "removed"), (self.changed, "changed"))
        parts = [f"{_listed(names)} {'was' if len(names) == 1 else 'were'} {done}" for names, done in told if names]
        return "; ".join(parts) or "nothing has changed"


def compare(old: Mapping[str, ModelEntry], new: Mapping[str, ModelEntry], *, replaced: Collection[str] = ()) -> Changes:
    """What becomes of the models of one catalogue in another.

    Args:
        replaced: models whose file at the same path is another.
    """
    both = sorted(old.keys() & new.keys())
    keys = {name: _different(old[name], new[name]) for name in both}
    others = frozenset(name for name in both if name in replaced or "path" in keys[name])
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(name for name in both if keys[name] or name in others),
        renewed=others | {name for name in both if keys[name] - _unread_by_workers(old[name])},
        replaced=others,
    )


def _unread_by_workers(old: ModelEntry) -> frozenset[str]:
    """Keys that may change while the workers stay. One that tells what it computes with may go on to tell it."""
    return NOT_THE_WORKERS if old.answer_cache is None else NOT_THE_WORKERS | {"answer_cache"}


def _different(old: ModelEntry, new: ModelEntry) -> frozenset[str]:
    """The keys with other values."""
    return frozenset(key for key in ModelEntry.model_fields if getattr(old, key) != getattr(new, key))


def _listed(names: Collection[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
