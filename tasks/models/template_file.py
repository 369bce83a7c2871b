"""The chat template that an entry has in the place of its model's own: inline, or in a file."""

from __future__ import annotations

from pathlib import Path

LARGEST = 1 << 20
"""Bytes. The longest templates that are published have some ten thousand."""
TOO_LONG = f"a template may have {LARGEST} bytes at most"


class Unreadable(Exception):
    """Raised for a template that cannot be had; the message says why, and what to mend."""


def text(template: str, folder: Path) -> str:
    """The template itself. What has a brace is one; all else is a file, by its path from a folder.

    Raises:
        Unreadable: there is no such file, it cannot be read, or it is too long or empty.
    """
    if "{" not in template:
        return _read(folder / of_user(template.strip()))
    if len(template.encode()) > LARGEST:
        raise Unreadable(TOO_LONG)
    return template


def of_user(path: str) -> Path:
    """A path, whose ~ is the home of a user of this machine; of no such user it is a folder's name."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _read(path: Path) -> str:
    try:
        if path.is_fifo():
            raise Unreadable(f"{path} is no file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as exc:
        reason = (getattr(exc, "strerror", None) or str(exc)).lower()
        raise Unreadable(f"{path} cannot be read: {reason}; without a brace it is the path of a file") from exc
    if len(data) > LARGEST:
        raise Unreadable(TOO_LONG)
    try:
        found = data.decode()
    except UnicodeDecodeError as exc:
        raise Unreadable(f"{path} is not UTF-8: save it as UTF-8") from exc
    if not found.strip():
        raise Unreadable(f"{path} is empty")
    return found
