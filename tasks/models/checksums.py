"""The SHA-256 of models' files, computed once: gigabytes are not read again while size, time and inode are the same.

What was computed is kept in ``HF_HOME/caravan/checksums``, a small file for each model's file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from tasks.logs import get_logger
from tasks.models import file_sign

log = get_logger(__name__)


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal. Raises OSError."""
    path = path.resolve()
    kept = known(path)
    if kept:
        return kept
    with path.open("rb") as file:
        before = file_sign.of(path)
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if file_sign.of(path) == before:
        remember(path, found)
    return found


def known(path: Path) -> str:
    """What was computed of the file as it is now; '' if nothing was."""
    path = path.resolve()
    try:
        kept = json.loads(_place(path).read_text())
        return str(kept["sha256"]) if tuple(kept["of"]) == file_sign.of(path) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def remember(path: Path, found: str) -> None:
    """Keep a file's SHA-256. Where nothing can be written it is computed again the next time."""
    path = path.resolve()
    try:
        place = _place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)
        try:
            with os.fdopen(handle, "w") as file:
                json.dump({"path": str(path), "of": file_sign.of(path), "sha256": found}, file)
            Path(name).replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as exc:
        log.warning("a checksum cannot be kept", path=str(path), error=str(exc))


def forget(path: Path) -> None:
    """Keep nothing of a file that goes. Raises OSError."""
    _place(path.resolve()).unlink(missing_ok=True)


def _place(path: Path) -> Path:
    from huggingface_hub import constants

    name = hashlib.sha256(str(path).encode()).hexdigest()[:32]
    return Path(constants.HF_HOME) / "caravan" / "checksums" / f"{name}.json"
