"""A wheel of llama.cpp: taken from where it is kept, or compiled."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from tasks.llama_build.progress import Progress
from tasks.llama_build.recipe import JOBS, PACKAGE, Recipe

WHEELS = "llama_cpp_python-{version}-*.whl"
TICK_SECONDS = 0.5
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")

TAIL_LINES = 25
WENT_WRONG = re.compile(r"\b(?:fatal error|error:|FAILED:|CMake Error|Killed|No space left|ERROR:)")


class BuildFailedError(Exception):
    """Raised when pip or the compiler fails; its text is the end of what they said, and what to do."""


def find_wheel(folder: Path, version: str) -> Path | None:
    """A wheel of that version in a folder; None if there is none."""
    return next(iter(sorted(folder.glob(WHEELS.format(version=version)))), None)


def kept_wheel(recipe: Recipe) -> Path | None:
    """The wheel that an earlier build of the same recipe left; None if there was none."""
    return find_wheel(recipe.folder, recipe.locked.version)


def build_wheel(recipe: Recipe, progress: Progress, *, meanwhile: Callable[[], None] = lambda: None) -> Path:
    """Compile a wheel and keep it; `meanwhile` is called twice a second, and ends the build by raising.

    Raises:
        BuildFailedError: pip or the compiler failed.
        OSError: there is no room, or no right, to write.
    """
    recipe.folder.parent.mkdir(parents=True, exist_ok=True)
    log = recipe.folder.parent / "build.log"
    with tempfile.TemporaryDirectory(dir=recipe.folder.parent, prefix="building-") as scratch:
        lock, out = Path(scratch, "llama.lock"), Path(scratch, "wheels")
        lock.write_text(recipe.locked.package)
        command = [*PIP, *_cache_of_downloads(Path(scratch, "pip")), "wheel", "--verbose", "--no-deps"]
        command += ["--require-hashes", "--no-binary", PACKAGE, "--requirement", str(lock), "--wheel-dir", str(out)]
        with log.open("w") as copy:
            status = _follow(command, recipe, [copy.write, progress.read], [progress.tick, meanwhile])
        built = find_wheel(out, recipe.locked.version)
        if status or built is None:
            raise BuildFailedError(_explain(log))
        recipe.folder.mkdir(exist_ok=True)
        return built.rename(recipe.folder / built.name)


def _follow(
    command: Sequence[str],
    recipe: Recipe,
    readers: Sequence[Callable[[str], object]],
    ticks: Sequence[Callable[[], None]],
) -> int:
    """Run a command, hand each line that it prints to the readers, and return its status.

    It runs in a session of its own: what pip starts (CMake, Ninja, compilers) does not end with pip.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    with subprocess.Popen(  # noqa: S603 - pip of the interpreter that runs this
        command,
        env=recipe.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        threading.Thread(target=_hand_over, args=(process.stdout, lines), daemon=True).start()
        try:
            while (line := _next(lines)) is not None:
                for reader in readers if line else ():
                    reader(line)
                for tick in ticks:
                    tick()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    return process.returncode


def _hand_over(output: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in output:
        lines.put(line)
    lines.put(None)


def _next(lines: queue.SimpleQueue[str | None]) -> str | None:
    """The next line; empty if none comes for a while, None at the end."""
    try:
        return lines.get(timeout=TICK_SECONDS)
    except queue.Empty:
        return ""


def _cache_of_downloads(folder: Path) -> list[str]:
    """pip's arguments for a cache that has its downloads in common with the user's, and no wheels.

    pip keeps wheels that it built by the address of their source alone: one built with other switches would be taken.
    `http` and `http-v2` are where pip 23 and later keep downloads; under other names they would be fetched again.
    """
    asked = subprocess.run([*PIP, "cache", "dir"], capture_output=True, text=True, check=False)  # noqa: S603 - as above
    if asked.returncode:
        return ["--no-cache-dir"]
    folder.mkdir()
    for name in ("http", "http-v2"):
        kept = Path(asked.stdout.strip(), name)
        kept.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(kept)
    return ["--cache-dir", str(folder)]


def _explain(log: Path) -> str:
    """What a person needs of a failed build: where it went wrong, how it ended, and what to do."""
    lines = log.read_text(errors="replace").splitlines()
    wrong = next((at for at, line in enumerate(lines) if WENT_WRONG.search(line)), max(0, len(lines) - TAIL_LINES))
    said = "\n".join(f"  {line.strip()}"[:300] for line in lines[wrong : wrong + TAIL_LINES])
    return f"llama.cpp could not be compiled:\n\n{said}\n\n{_advice(said)} The whole output is in {log}."


def _advice(said: str) -> str:
    if "Killed" in said:
        return f"There was too little memory: try {JOBS}=1, which compiles one file at a time."
    if "No space left" in said:
        return "The disk is full: compiling takes 1 GB in TMPDIR."
    if any(word in said for word in ("Could not find a version", "Connection", "Retrying")):
        return "The source could not be fetched: check that pip reaches the package index (PIP_INDEX_URL, proxies)."
    return "Check that the compiler is at most five years old, or name another in CC and CXX."
