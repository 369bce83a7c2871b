"""Everything that a wheel of llama.cpp depends on, and the name under which it is kept."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.llama_build.compiler import Toolchain
from tasks.llama_build.lockfile import Locked
from tasks.llama_build.rules import ARRANGE, Build, choose

PACKAGE = "llama-cpp-python"

LEFT_OUT = ("include/**", "llama_cpp/lib/cmake/**", "llama_cpp/lib/pkgconfig/**")
"""What is for C programs that link to it."""

JOBS = "CMAKE_BUILD_PARALLEL_LEVEL"

_SHAPES_THE_BUILD = ("CMAKE_", "SKBUILD_", "GGML_", "CUDA")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A wheel to be built: what of, for what, by what, and the environment in which pip builds it."""

    locked: Locked
    build: Build
    environ: Mapping[str, str]

    @property
    def key(self) -> str:
        """A name for what comes out: two recipes of the same key give the same libraries.

        The C library belongs to it, since a home folder may be shared by machines; pip's own cache of built wheels goes
        by the source alone, and hands out what was built with other switches.
        """
        processor = self.build.processor
        shapes = {
            name: value
            for name, value in self.environ.items()
            if (name.startswith(_SHAPES_THE_BUILD) and name != JOBS)
            or name in ("CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS")
        }
        inputs = json.dumps(
            {
                "package": self.locked.package,
                "compiler": str(self.build.compiler),
                "environ": {name: value.replace(str(ARRANGE), "") for name, value in shapes.items()},
                "arrange": ARRANGE.read_text(),
                "for": processor.architecture if self.build.portable else [processor.name, *sorted(processor.sets)],
                "libc": platform.libc_ver(),
            },
            sort_keys=True,
        )
        return hashlib.sha256(inputs.encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Where its wheel is kept: under ``XDG_CACHE_HOME``, or ``~/.cache``."""
        cache = self.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache) / "caravan" / "llama" / self.key


def recipe(locked: Locked, build: Build, toolchain: Toolchain, environ: Mapping[str, str]) -> Recipe:
    """The recipe for a wheel. What the user set in ``CMAKE_ARGS``, ``CFLAGS`` and ``CXXFLAGS`` comes last, and so wins.

    Raises:
        UnfitCompilerError: the compiler cannot make it.
    """
    arguments = choose(build)
    switches = shlex.join(arguments.switches)
    own = {
        "CC": toolchain.cc,
        "CXX": toolchain.cxx,
        "CMAKE_ARGS": _both(shlex.join(arguments.cmake), environ.get("CMAKE_ARGS", "")),
        "CFLAGS": _both(switches, environ.get("CFLAGS", "")),
        "CXXFLAGS": _both(switches, environ.get("CXXFLAGS", "")),
        "SKBUILD_WHEEL_EXCLUDE": ";".join(LEFT_OUT),
        JOBS: environ.get(JOBS) or str(len(os.sched_getaffinity(0))),
        "NINJA_STATUS": "[%f/%t] ",
    }
    return Recipe(locked, build, {**environ, **own})


def _both(ours: str, theirs: str) -> str:
    return " ".join(text for text in (ours, theirs.strip()) if text)
