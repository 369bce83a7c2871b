"""All packages of a lock file into this interpreter's environment, with llama.cpp compiled for this machine."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from tasks.llama_build import compiler, processor
from tasks.llama_build.lockfile import split
from tasks.llama_build.progress import Progress
from tasks.llama_build.recipe import PACKAGE, Recipe, recipe
from tasks.llama_build.rules import Build
from tasks.llama_build.wheel import PIP, BuildFailedError, build_wheel, find_wheel, kept_wheel


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
    """Commands that run one after the other while something else goes on."""

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._left = list(commands)
        self._process: subprocess.Popen[str] | None = None

    def poll(self) -> bool:
        """Whether all have ended; starts the next if one has. Raises `BuildFailedError` with what a failed one said."""
        if self._process is not None:
            if self._process.poll() is None:
                return False
            said, _ = self._process.communicate()
            if self._process.returncode:
                raise BuildFailedError(f"pip could not install the packages:\n\n{said.strip()}")
            self._process = None
        if not self._left:
            return True
        self._process = subprocess.Popen(  # noqa: S603 - pip of the interpreter that runs this
            self._left.pop(0), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return False

    def wait(self) -> None:
        """Until all have ended. Raises as `poll` does."""
        while not self.poll():
            if self._process is not None:
                self._process.wait()

    def stop(self) -> None:
        """End the one that runs."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()


def _pip(*arguments: str) -> list[str]:
    return [*PIP, "install", "--quiet", *arguments]
