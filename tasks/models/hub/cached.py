"""What huggingface_hub's cache has."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tasks.models.hub.hub_file import HubFile

_SHA256 = re.compile(r"[0-9a-f]{64}")


def downloaded(url: str) -> Path | None:
    """Where the file lies on this machine, if all its parts do. Asks nobody."""
    from huggingface_hub import try_to_load_from_cache

    wanted = HubFile.parse(url)
    found = [try_to_load_from_cache(wanted.repo, file, revision=wanted.revision) for file in wanted.files]
    return Path(str(found[0])) if all(isinstance(path, str) for path in found) else None


def told_sha256(path: Path) -> str:
    """The SHA-256 that the Hub told of a file of the cache, in hexadecimal; '' if it told none.

    A file is a link to its content, whose name is the ETag; where the cache cannot hold links, nothing tells it.
    """
    return sha256_of(path.readlink().name) if path.is_symlink() else ""


def sha256_of(etag: str) -> str:
    """The SHA-256 that an ETag is; '' where it is none, as for small files."""
    return etag if _SHA256.fullmatch(etag) else ""


def content_of(path: Path) -> Path | None:
    """The content of the cache that a file is a link to, and may be gone; None of any other file."""
    if not path.is_symlink():
        return None
    content = Path(os.path.normpath(path.parent / path.readlink()))
    blobs = next((folder / "blobs" for folder in path.parents if (folder / "snapshots").is_dir()), None)
    return content if blobs is not None and content.parent == Path(os.path.normpath(blobs)) else None


def remove_content(path: Path) -> None:
    """Remove a file of the cache, with the content that it is a link to. A file outside of the cache stays."""
    if content := content_of(path):
        content.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
