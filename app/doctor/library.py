"""llama.cpp as it lies here: whole or not, how it was built, and whether that fits this machine.

Nothing of it is loaded: a library that kills processes must not kill the doctor.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from app.doctor.finding import Finding, State, fault, ok, warning
from app.doctor.gpus import BACKENDS
from tasks.llama_build.elf import Built, NotALibraryError, built_with
from tasks.llama_build.faults import AGAIN, compiled_sets, cpu_libraries, faults, library_folder
from tasks.llama_build.processor import Processor, say
from tasks.llama_build.rules import WHOLE_STORES

CHECK, BUILD = "llama.cpp", "llama.cpp build"
PARTS = ("libllama.so", "libggml.so", "libggml-base.so")
AGAIN_WHOLE = "Install it again with pip install --force-reinstall --no-deps, as in docs/install.md."
LESSER = ("slower", "unrecorded")
"""Words of what does no harm, or may do none: the models' self-tests tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The files of llama.cpp."""

    version: str
    """Of llama-cpp-python, which carries it; empty if it does not tell."""
    folder: Path
    names: Collection[str]
    """Of the files in the folder."""
    built: Mapping[str, Built]
    """How those that compute on the processor were made, by name."""
    damaged: Mapping[str, str]
    """What is wrong with those of them that are no libraries."""

    @property
    def cards(self) -> list[str]:
        """The kinds of cards that it was built for, as ggml calls them."""
        return [name for name in BACKENDS if any(file.startswith(f"libggml-{name}.") for file in self.names)]


def read() -> Library | None:
    """The one that workers of this Python load; None if there is none."""
    folder = library_folder()
    if folder is None:
        return None
    try:
        version = metadata.version("llama-cpp-python")
    except metadata.PackageNotFoundError:
        version = ""
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    built, damaged = {}, {}
    for path in cpu_libraries(folder):
        try:
            built[path.name] = built_with(path)
        except NotALibraryError as exc:
            damaged[path.name] = str(exc)
    return Library(version=version, folder=folder, names=names, built=built, damaged=damaged)


def judge(library: Library | None, processor: Processor, *, workers_run_here: bool) -> Iterator[Finding]:
    """Whether it is here, whole, and made for this processor."""
    if library is None:
        found, advice = "llama-cpp-python is not installed: no worker can run here", "Install it: docs/install.md."
        yield fault(CHECK, found, advice) if workers_run_here else warning(CHECK, found, f"For workers: {advice}")
        return
    named = f"llama-cpp-python {library.version}".strip()
    if lacking := [name for name in PARTS if name not in library.names]:
        yield fault(CHECK, f"{named} is incomplete: {library.folder} has no {', '.join(lacking)}", AGAIN_WHOLE)
        return
    built_for = ", ".join(["the processor", *(BACKENDS[name] for name in library.cards)])
    yield ok(CHECK, f"{named} in {library.folder}, for {built_for}")
    yield from _build(library, processor)


def _build(library: Library, processor: Processor) -> Iterator[Finding]:
    if library.damaged:
        yield from (fault(BUILD, f"{name} is damaged: {said}", AGAIN_WHOLE) for name, said in library.damaged.items())
        return
    wrong = faults(library.built, processor)
    for sentence in wrong:
        found, _, more = sentence.partition(AGAIN)
        state = State.WARNING if any(words in sentence for words in LESSER) else State.FAULT
        yield Finding(BUILD, state, found.rstrip(" ;:,"), f"{AGAIN[0].upper()}{AGAIN[1:]}{more}")
    if not wrong:
        yield ok(BUILD, described(library.built))


def described(built: Mapping[str, Built]) -> str:
    """By what, and for which processors, libraries were made."""
    if len(built) > 1:
        kinds = sorted(name.removeprefix("libggml-cpu-").removesuffix(".so") for name in built)
        compilers = sorted({str(each.compiler) for each in built.values() if each.compiler})
        return f"by {' and '.join(compilers) or 'an unknown compiler'}, a variant each for {', '.join(kinds)}"
    (only,) = built.values()
    return f"by {only.compiler or 'an unknown compiler'}{_switches(only)}"


def _switches(built: Built) -> str:
    if not built.commands:
        return "; its switches are not recorded"
    commands = " ".join(built.commands)
    levels = sorted(set(re.findall(r"-O\w+", commands)))
    extra = [flag for flag in WHOLE_STORES if flag in commands.split()]
    sets = compiled_sets(built)
    fits = "the processor of its build machine" if sets is None else ", ".join(say(sets))
    return f" {' '.join([*levels, *extra])}, for {fits or 'any processor'}"
