"""All packages of a lock file into this interpreter's environment, with llama.cpp compiled for this machine."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TextIO

from tasks.llama_build import compiler, processor
from tasks.llama_build.lockfile import split
from tasks.llama_build.progress import Progress
from tasks.llama_build.recipe import PACKAGE, Recipe, recipe
from tasks.llama_build.rules import Build
from tasks.llama_build.wheel import PIP, BuildFailedError, build_wheel, find_wheel, kept_wheel

LAST_LINES = 40
"""Of what a failed pip said; the log of a package that it could not compile has thousands."""


def plan(requirements: Path, *, portable: bool, environ: Mapping[str, str]) -> Recipe:
    """What is to be built here.

    Raises:
        NoCompilerError: there is no compiler.
        UnfitCompilerError: the one that is there cannot make it.
    """
    toolchain = compiler.find(environ)
    build = Build(toolchain.compiler, processor.read(), portable=portable)
    return recipe(split(requirements, PACKAGE), build, toolchain, environ)


def make_wheel(wanted: Recipe, stream: TextIO) -> Path:
    """The wheel of a recipe, which is compiled if none is kept. Raises what `build_wheel` raises."""
    return kept_wheel(wanted) or _build(wanted, stream, beside=[])


def install(requirements: Path, *, project: Path, wheels: Path, environ: Mapping[str, str], stream: TextIO) -> None:
    """Install a lock file's packages and the project itself; everything else is installed while llama.cpp is compiled.

    Args:
        requirements: the lock file, with hashes.
        project: a folder that is installed to be edited.
        wheels: a folder; a wheel of the locked version there is taken, whatever it was built for.
        environ: of the process.
        stream: where it is told how far it is.

    Raises:
        BuildFailedError: pip or the compiler failed.
        NoCompilerError, UnfitCompilerError: it has to be compiled, and cannot.
    """
    locked = split(requirements, PACKAGE)
    wheel = find_wheel(wheels, locked.version)
    wanted = None if wheel else plan(requirements, portable=False, environ=environ)
    with tempfile.TemporaryDirectory() as scratch:
        others = Path(scratch, "others.lock")
        others.write_text(locked.others)
        steps = [
            _pip("--no-compile", "--no-deps", "--require-hashes", "--requirement", str(others)),
            _pip("--no-compile", "--no-deps", "--no-build-isolation", "--editable", str(project)),
        ]
        if wanted is None or (wheel := kept_wheel(wanted)):
            _Packages(steps).wait()
        else:
            wheel = _build(wanted, stream, beside=steps)
    _Packages([_pip("--no-deps", "--no-index", "--force-reinstall", str(wheel))]).wait()


def _build(wanted: Recipe, stream: TextIO, *, beside: Sequence[Sequence[str]]) -> Path:
    build = wanted.build
    target = "every processor of this architecture" if build.portable else build.processor.described
    stream.write(f"llama.cpp is compiled once, by {build.compiler}, for {target}.\n")
    progress = Progress("Compiling llama.cpp", stream)
    packages = _Packages(beside)

    def meanwhile() -> None:
        progress.beside = "" if packages.poll() else "other packages are being installed meanwhile"

    try:
        wheel = build_wheel(wanted, progress, meanwhile=meanwhile)
    except BaseException:
        progress.end("given up")
        packages.stop()
        raise
    progress.end("done")
    packages.wait()
    return wheel


class _Packages:
    """Commands of pip that run one after the other while something else goes on."""

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._left = list(commands)
        self._running: tuple[subprocess.Popen[bytes], IO[bytes]] | None = None

    def poll(self) -> bool:
        """Whether all have ended; starts the next if one has. Raises `BuildFailedError` with what a failed one said."""
        if self._running is not None:
            process, output = self._running
            if process.poll() is None:
                return False
            self._running = None
            with output:
                if process.returncode:
                    raise BuildFailedError(_failed(output))
        if not self._left:
            return True
        output = tempfile.TemporaryFile()  # noqa: SIM115 - not a pipe: nobody reads one, and a full one stops pip
        process = subprocess.Popen(self._left.pop(0), stdout=output, stderr=subprocess.STDOUT)  # noqa: S603 - our pip
        self._running = process, output
        return False

    def wait(self) -> None:
        """Until all have ended. Raises as `poll` does."""
        while not self.poll():
            if self._running is not None:
                self._running[0].wait()

    def stop(self) -> None:
        """End the one that runs, if one does, and begin no other."""
        self._left.clear()
        if self._running is not None:
            process, output = self._running
            self._running = None
            with output:
                process.terminate()
                process.wait()


def _failed(output: IO[bytes]) -> str:
    output.seek(0)
    said = output.read().decode(errors="replace").strip().splitlines()
    words = "\n".join(f"  {line}"[:300] for line in said[-LAST_LINES:])
    return f"{words}\n\nThe packages could not be installed: pip says why above. Mend that, and run it again."


def _pip(*arguments: str) -> list[str]:
    return [*PIP, "install", "--quiet", *arguments]
