"""The files of the pages: scripts, styles and pictures, read once a process.

They are served under a hash of all of them, so that a browser keeps them for as long as they are the same, and modules
that import each other by relative paths are of one release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Assets:
    """Bytes by path. What a client asks for is looked up, and never a path of a disk."""

    files: Mapping[str, bytes]
    version: str


def read() -> Assets:
    """All that lie in the folders of this package."""
    found = dict(sorted(_under(files("app.console"), "")))
    whole = hashlib.sha256()
    for path, content in found.items():
        whole.update(f"{path} {len(content)} ".encode() + content)
    return Assets(found, whole.hexdigest()[:16])


def content_type(path: str) -> str:
    """Of a file that there is."""
    return CONTENT_TYPES[_suffix(path)]


def _under(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _under(entry, f"{prefix}{entry.name}/")
        elif _suffix(entry.name) in CONTENT_TYPES:
            yield prefix + entry.name, entry.read_bytes()


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
