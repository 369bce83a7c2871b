"""What a download tells of itself while it runs."""

from __future__ import annotations


class Progress:
    """Told of a download. This one tells nobody; who wants to know overrides what it needs."""

    def advanced(self, done: int, total: int) -> None:
        """So many bytes of all the model's files are here; `total` is 0 while the Hub does not say how many."""

    def waits(self, file: str) -> None:
        """Another process downloads this file: this one waits for it."""

    def resumed(self, file: str, done: int) -> None:
        """A download that was interrupted goes on after so many bytes."""

    def cut(self, file: str, why: str) -> None:
        """The connection broke, and is tried again."""
