"""Which model a file holds, so that a job is not continued with another one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

HEAD_BYTES = 8 << 20
PIECE_BYTES = 64 << 10
NUM_PIECES = 256


def told(model: str, adapters: Mapping[str, str]) -> str:
    """The digests of a model's file and of its adapters', as a claim has them: ``DIGEST ADAPTER=DIGEST ...``."""
    return " ".join([model, *(f"{name}={digest}" for name, digest in sorted(adapters.items()))])


def file_digest(path: Path) -> str:
    """A digest of a file's size, its first 8 MiB and 256 pieces of 64 KiB all over it, in hexadecimal.

    The whole of a file of up to 8 MiB. Reading tens of gigabytes would take as long as loading them; a model that was
    trained on, merged or quantised anew differs in every tensor. Raises OSError.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(HEAD_BYTES))
        if size > HEAD_BYTES:
            for piece in range(NUM_PIECES):
                file.seek(HEAD_BYTES + (size - HEAD_BYTES) * piece // NUM_PIECES)
                digest.update(file.read(PIECE_BYTES))
            file.seek(size - PIECE_BYTES)
            digest.update(file.read(PIECE_BYTES))
    return digest.hexdigest()
