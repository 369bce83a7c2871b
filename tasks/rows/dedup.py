"""Rows that ask the same: those whose answer is certain to be the same as well are answered once."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")

MOST_BYTES = 32 << 20
ENTRY_BYTES = 256
"""What an answer costs beside its text."""
_ENVELOPE = frozenset({"metadata", "priority", "timeout", "max_attempts", "webhook", "user", "store"})
"""Fields that do not reach the model."""
_ANEW = -1
"""The seed that is a new one each time."""


def question(body: Mapping[str, Any], *, draws: bool = True) -> bytes | None:
    """What a request body asks, in 16 bytes; None if the same may be answered otherwise the next time.

    An answer is the same if it is greedy or its draws are seeded; vectors and scores, which are not drawn (`draws`),
    always are.
    """
    seeded = body.get("seed") is not None and body["seed"] != _ANEW
    if draws and body.get("temperature") != 0 and not seeded:
        return None
    return fingerprint(body)


def fingerprint(body: Mapping[str, Any]) -> bytes:
    """What a request body asks of the model, in 16 bytes."""
    asked = {name: value for name, value in body.items() if name not in _ENVELOPE and value is not None}
    return hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Known(Generic[Answer]):
    """A question that has been answered."""

    answer: Answer


class Dedup(Generic[Answer]):
    """Which questions are being asked, by which rows, and the last answers, as many as fit into `most_bytes`.

    The rows that wait for an answer are as many as the caller lets be open; see `PrefixOrder.reads_next`.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answered: OrderedDict[bytes, tuple[Answer, int]] = OrderedDict()
        self._waiting: dict[bytes, list[int]] = {}

    def begin(self, key: bytes, row: int) -> Known[Answer] | bool:
        """What becomes of a row: True, it is to be asked; False, another's answer comes with `settle`."""
        if key in self._answered:
            self._answered.move_to_end(key)
            return Known(self._answered[key][0])
        if key in self._waiting:
            self._waiting[key].append(row)
            return False
        self._waiting[key] = []
        return True

    def settle(self, key: bytes, answer: Answer, *, size: int | None) -> list[int]:
        """Take the answer to a question; the rows that waited for it, beside the one that asked.

        Args:
            size: bytes of the answer; None if it is not to be remembered, as of one that failed.
        """
        if size is not None:
            self._remember(key, answer, size + ENTRY_BYTES)
        return self._waiting.pop(key)

    def _remember(self, key: bytes, answer: Answer, size: int) -> None:
        self._answered[key] = (answer, size)
        self._bytes += size
        while self._bytes > self._most_bytes:
            _, (_, freed) = self._answered.popitem(last=False)
            self._bytes -= freed
