"""Which compiler there is, of which family and version."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Family = Literal["gcc", "clang"]

NO_COMPILER = (
    "There is no C++ compiler here, and llama.cpp has to be compiled: install one "
    "(Debian and Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++), or name yours in CC and CXX."
)


class NoCompilerError(Exception):
    """Raised when there is no compiler of C or C++; its text says what to install."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler, as far as it matters to what it makes."""

    family: Family
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.family} {'.'.join(map(str, self.version))}"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The programs that compile C and C++, and what the second of them is. Each is a command line: `ccache g++` too."""

    cc: str
    cxx: str
    compiler: Compiler


def read_compiler(text: str) -> Compiler | None:
    """The compiler that a text names: the output of `--version`, or the section `.comment` of what it made.

    A library that clang made names gcc as well, for the start-up code of the C library that is linked into it.
    """
    if found := re.search(r"clang version (\d+)\.(\d+)(?:\.(\d+))?", text):
        return Compiler("clang", _version(found))
    if found := re.search(r"^(?:GCC: )?[^\n(]*\([^\n]*?\) (\d+)\.(\d+)(?:\.(\d+))?", text, re.MULTILINE):
        return Compiler("gcc", _version(found))
    return None


def find(environ: Mapping[str, str]) -> Toolchain:
    """The compilers that ``CC`` and ``CXX`` name, or else those that CMake would take: `cc` and `c++`.

    Raises:
        NoCompilerError: one of them is missing, does not start, or is neither gcc nor clang.
    """
    cc, cxx = (_program(environ, *names) for names in (("CC", "cc", "gcc", "clang"), ("CXX", "c++", "g++", "clang++")))
    try:
        said = subprocess.run([*cxx.split(), "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - the user's own compiler
    except OSError as exc:
        raise NoCompilerError(f"{cxx} does not start ({exc.strerror}): name a C++ compiler in CXX.") from exc
    compiler = read_compiler(said.stdout)
    if compiler is None:
        raise NoCompilerError(f"{cxx} is neither gcc nor clang, as far as `{cxx} --version` says: name one in CXX.")
    return Toolchain(cc, cxx, compiler)


def _program(environ: Mapping[str, str], variable: str, *names: str) -> str:
    if named := environ.get(variable, "").strip():
        if shutil.which(named.split()[0], path=environ.get("PATH")) is None:
            raise NoCompilerError(f"{variable} is {named}, which does not exist: name another compiler, or unset it.")
        return named
    for name in names:
        if shutil.which(name, path=environ.get("PATH")):
            return name
    raise NoCompilerError(NO_COMPILER)


def _version(found: re.Match[str]) -> tuple[int, int, int]:
    major, minor, patch = found.groups(default="0")
    return int(major), int(minor), int(patch)
