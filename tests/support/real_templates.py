"""Chat templates of published models, from the source package of the llama-cpp-python that is installed.

They are read where pip puts the package, and are no part of this repository.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Final

PACKAGE: Final = "llama-cpp-python"
FOLDER: Final = "/vendor/llama.cpp/models/templates/"
SECONDS: Final = 300


class NotToBeHad(Exception):
    """Raised when the package cannot be fetched; says why."""


def real_templates(folder: Path) -> dict[str, str]:
    """The templates by the names of their files, fetched into a folder where they are kept; raises NotToBeHad."""
    return {path.stem: path.read_text(encoding="utf-8") for path in fetched(folder, FOLDER, "*.jinja")}


def fetched(folder: Path, inside: str, pattern: str) -> list[Path]:
    """The package's files of a folder in it whose names match, fetched into a folder where they are kept.

    Raises:
        NotToBeHad: pip cannot fetch the package.
    """
    kept = folder / version(PACKAGE)
    if not any(kept.glob(pattern)):
        kept.mkdir(parents=True, exist_ok=True)
        _unpack(_fetch(folder), kept, inside, pattern)
    return sorted(kept.glob(pattern))


def _fetch(folder: Path) -> Path:
    name = f"{PACKAGE}=={version(PACKAGE)}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-binary", PACKAGE, "--dest", str(folder), name]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError) as exc:
        said = getattr(exc, "stderr", None) or str(exc)
        raise NotToBeHad(f"pip cannot fetch {name}: {said.strip().splitlines()[-1]}") from exc
    return next(folder.glob("*.tar.gz"))


def _unpack(package: Path, kept: Path, inside: str, pattern: str) -> None:
    with tarfile.open(package) as files:
        for member in files:
            path = PurePosixPath("/" + member.name)
            if str(path.parent).endswith(inside.rstrip("/")) and path.match(pattern):
                held = files.extractfile(member)
                assert held is not None
                (kept / path.name).write_bytes(held.read())
    package.unlink()
