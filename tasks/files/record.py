"""The record of a file: whose it is, what it is for, and in which parts of the store its bytes lie."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from tasks.records.version import is_readable

VERSIONS = range(1, 2)
"""Versions of the record in Redis that are read; the last is written. See tasks/records/version.py."""


class Purpose(StrEnum):
    """What a file is for: to be run, what came of that, or OpenAI's other purposes, of which nothing comes here."""

    BATCH = "batch"
    USER_DATA = "user_data"
    ASSISTANTS = "assistants"
    BATCH_OUTPUT = "batch_output"


class Part(NamedTuple):
    """A piece of a file: its name in the store, and how many of its bytes count. Nobody reads what comes after."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file. Times are seconds since the epoch on the clock of Redis; `uses` are batches that work with it."""

    id: str
    owner: str
    filename: str
    purpose: Purpose
    parts: tuple[Part, ...]
    created_at: float = 0.0
    expires_at: float | None = None
    uses: int = 0

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    def encode(self) -> dict[str, str]:
        """The fields that its maker writes; scripts add the rest."""
        return {
            "v": str(VERSIONS[-1]),
            "filename": self.filename,
            "purpose": self.purpose.value,
            "bytes": str(self.bytes),
            "parts": encode_parts(self.parts),
        }

    @classmethod
    def decode(cls, fields: Mapping[str, str]) -> Self | None:
        """Read a file's hash; None if there is none. Raises RecordTooNew."""
        if not is_readable(fields, VERSIONS):
            return None
        return cls(
            id=fields["id"],
            owner=fields["owner"],
            filename=fields["filename"],
            purpose=Purpose(fields["purpose"]),
            parts=decode_parts(fields["parts"]),
            created_at=float(fields["created_at"]),
            expires_at=float(fields["expires_at"]) if "expires_at" in fields else None,
            uses=int(fields["uses"]),
        )


def encode_parts(parts: tuple[Part, ...]) -> str:
    return json.dumps(parts, separators=(",", ":"))


def decode_parts(text: str) -> tuple[Part, ...]:
    return tuple(Part(name, size) for name, size in json.loads(text))


def new_id() -> str:
    return f"file-{secrets.token_hex(12)}"
