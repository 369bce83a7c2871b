"""Whether a model's files have the SHA-256 that models.yaml gives."""

from __future__ import annotations

from pathlib import Path

from tasks.models import checksums, gguf, hub
from tasks.models.catalogue import ModelEntry, gguf_path


class WrongChecksum(Exception):
    """Raised for a file with another SHA-256; the message has both, and what to do."""


def is_known(entry: ModelEntry) -> bool:
    """Whether `check` takes no time: there is nothing to compare, or the sums were computed before."""
    return not entry.sha256 or all(map(checksums.known, gguf.parts(gguf_path(entry))))


def check(entry: ModelEntry) -> None:
    """Compare. A damaged file of the Hub's is removed from its cache. Raises WrongChecksum, OSError."""
    for path, wanted in zip(gguf.parts(gguf_path(entry)), entry.sha256, strict=False):
        found = checksums.sha256(path)
        if found != wanted:
            remedy = _remedy(entry, path, found)
            raise WrongChecksum(f"{path} has the SHA-256 {found}, and models.yaml says {wanted}: {remedy}")


def _remedy(entry: ModelEntry, path: Path, found: str) -> str:
    if not entry.path.startswith(hub.SCHEME):
        return "download it again, or correct sha256"
    if hub.told_sha256(path) == found:
        return "the Hub has it so too; correct sha256, or path with the revision that you mean"
    hub.remove_content(path)
    return "it was removed from the cache; download it again, or correct sha256"
