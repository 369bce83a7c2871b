"""What is wrong with compiled libraries of llama.cpp on this processor, as far as they say how they were made."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.llama_build.elf import Built
from tasks.llama_build.processor import Processor, say
from tasks.llama_build.rules import WHOLE_STORES, breaks_tiles

AGAIN = "build it again: make clean setup"

X86_LEVELS = {
    "x86-64": frozenset(),
    "x86-64-v2": frozenset({"sse4_2"}),
    "x86-64-v3": frozenset({"sse4_2", "avx", "avx2", "bmi2", "f16c", "fma"}),
    "x86-64-v4": frozenset(
        {"sse4_2", "avx", "avx2", "bmi2", "f16c", "fma", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
    ),
}
"""The levels of the x86-64 psABI, section 3.1.1, as far as llama.cpp has code for what is in them."""

X86_SWITCHES = {
    "sse4.2": "sse4_2",
    "avxvnni": "avx_vnni",
    "avx512vnni": "avx512_vnni",
    "avx512bf16": "avx512_bf16",
    "amx-tile": "amx_tile",
    "amx-int8": "amx_int8",
    "amx-bf16": "amx_bf16",
    **{
        name: name
        for name in ("avx", "avx2", "f16c", "fma", "bmi2", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl")
    },
    "avx512vbmi": "avx512vbmi",
}
"""What follows `-m` at gcc and clang, and Linux's name of the same instruction set."""

ARM_EXTENSIONS = {"dotprod": "asimddp", "fp16": "asimdhp", "i8mm": "i8mm", "sve": "sve", "sve2": "sve2", "sme": "sme"}
"""What follows `+` in `-march` and `-mcpu`, and Linux's name of the same instruction set."""


def library_folder() -> Path | None:
    """Where the installed llama_cpp keeps its libraries; found without importing it."""
    spec = importlib.util.find_spec("llama_cpp")
    return Path(spec.origin).parent / "lib" if spec and spec.origin else None


def cpu_libraries(folder: Path) -> list[Path]:
    """The libraries that compute on the CPU: one for this machine, or a variant for each kind of processor."""
    return sorted(folder.glob("libggml-cpu*.so"))


def compiled_sets(built: Built) -> frozenset[str] | None:
    """The instruction sets that a library was compiled for, as Linux names them; None if it does not say.

    clang records `-march=native` as it is, gcc what it means.
    """
    if not built.commands:
        return None
    each = [_sets(_switches(command)) for command in built.commands]
    known = [sets for sets in each if sets is not None]
    return frozenset[str]().union(*known) if len(known) == len(each) else None


def faults(libraries: Mapping[str, Built], processor: Processor) -> list[str]:
    """What does not fit, a sentence for each, which says what to do; none if all is well, as far as it can be seen.

    Args:
        libraries: file names as `cpu_libraries` finds them, and what `elf.built_with` says of each.
        processor: the one that they are to run on.
    """
    found = [sentence for name, built in libraries.items() for sentence in _making(name, built, processor)]
    if len(libraries) == 1:
        ((name, built),) = libraries.items()
        found += _fit(name, compiled_sets(built), processor)
    elif libraries:
        found += _choice(libraries, processor)
    else:
        found.append("There is no library of llama.cpp that computes on the CPU: " + AGAIN + ".")
    return found


def _making(name: str, built: Built, processor: Processor) -> list[str]:
    """What its compiler, and what the compiler was told, did to it."""
    return [*_tiles(name, built, processor), *_optimisation(name, built)]


def _tiles(name: str, built: Built, processor: Processor) -> list[str]:
    if built.compiler is None or not breaks_tiles(built.compiler) or "amx_tile" not in processor.sets:
        return []
    does_wrong = f"{name} was compiled by {built.compiler}, which compiles AMX wrong (gcc PR 114098): it dies"
    if not built.commands:
        return [f"{does_wrong} at its first prompt, unless unrecorded switches prevent it; {AGAIN}."]
    with_tiles = [switches for switches in map(_switches, built.commands) if "amx_tile" in (_sets(switches) or ())]
    if all(_last(switches, flag) for switches in with_tiles for flag in WHOLE_STORES):
        return []
    return [f"{does_wrong} at its first prompt; {AGAIN}."]


def _optimisation(name: str, built: Built) -> list[str]:
    levels = {_level(_switches(command)) for command in built.commands}
    if levels & {"", "-O0"}:
        return [f"{name} was compiled without optimisation, and is many times slower than it can be; {AGAIN}."]
    return []


def _fit(name: str, sets: frozenset[str] | None, processor: Processor) -> list[str]:
    if sets is None:
        return []
    found = []
    if beyond := sets - processor.sets:
        found.append(
            f"{name} was compiled for {', '.join(say(beyond))}, which this processor lacks: it dies by SIGILL; {AGAIN}."
        )
    if unused := processor.sets - sets - _MATTERS_NOT:
        found.append(
            f"{name} leaves {', '.join(say(unused))} of this processor unused, and is slower for it; {AGAIN}, "
            "with a newer compiler if that does not help."
        )
    return found


_MATTERS_NOT = frozenset({"asimdhp", "sve2", "sme"})
"""What a processor's name implies on arm64 without a word of it, or what llama.cpp asks for by itself or not at all."""


def _choice(libraries: Mapping[str, Built], processor: Processor) -> list[str]:
    sets = [compiled_sets(built) for built in libraries.values()]
    if any(known is None or known <= processor.sets for known in sets):
        return []
    return [f"None of {', '.join(libraries)} runs on this processor; {AGAIN}."]


def _switches(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _sets(switches: Sequence[str]) -> frozenset[str] | None:
    """The instruction sets that switches turn on, as Linux names them; None where a processor's name stands for them.

    gcc writes what `native` means beside its nearest name: `-march=znver3 -mavx2 -mno-amx-tile ...`.
    """
    found: set[str] = set()
    listed = {"-mavx2", "-mno-avx2"} & set(switches) or any("+" in switch for switch in switches)
    for switch in switches:
        name, _, value = switch.partition("=")
        if name in ("-march", "-mcpu"):
            if not listed and value not in X86_LEVELS and not value.startswith("arm"):
                return None
            found |= X86_LEVELS.get(value, frozenset())
            found |= {ARM_EXTENSIONS[word] for word in value.split("+")[1:] if word in ARM_EXTENSIONS}
        elif off := re.fullmatch(r"-mno-(.+)", switch):
            found.discard(X86_SWITCHES.get(off[1], ""))
        elif on := re.fullmatch(r"-m(.+)", switch):
            found |= {X86_SWITCHES[on[1]]} if on[1] in X86_SWITCHES else set()
    return frozenset(found)


def _last(switches: Sequence[str], flag: str) -> bool:
    """Whether a switch is on: the last of it and its opposite (`-fno-x`, `-fx`) counts."""
    opposite = flag.replace("-fno-", "-f")
    named = [switch for switch in switches if switch in (flag, opposite)]
    return bool(named) and named[-1] == flag


def _level(switches: Sequence[str]) -> str:
    levels = [switch for switch in switches if switch.startswith("-O")]
    return levels[-1] if levels else ""
