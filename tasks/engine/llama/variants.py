"""The part of llama.cpp that computes on the CPU: compiled for this machine, or the best of several for any machine.

A portable build (`tasks.llama_build`) has a library for each kind of processor beside libllama, and nothing computes
until one is loaded. ggml would choose the same one by `ggml_backend_load_all_from_path`, but would not say which.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import llama_cpp

from tasks.engine.backend import BackendFailure

CPU, BASE = "libggml-cpu", "libggml-base.so"

_UNTOLD = frozenset({"SSE3", "SSSE3", "AVX", "F16C", "FMA", "BMI2", "LLAMAFILE", "OPENMP", "REPACK"})
"""What llama.cpp names beside what makes a processor fast: older sets, and parts of its own."""

_lib = llama_cpp.llama_cpp._lib
"""libllama, through which the libggml that it uses is found. In a wheel whose libraries have versions, the libggml that
`llama_cpp._ggml` opens is a second copy with a registry of its own."""


@cache
def load() -> str:
    """Load the backends that are files of their own: the best for the CPU, and each for a GPU. Its name, if there are.

    Raises:
        BackendFailure: there are several for the CPU, and this processor can run none.
    """
    _lib.ggml_backend_reg_count.restype = ctypes.c_size_t
    if _lib.ggml_backend_reg_count():
        return ""
    _lib.ggml_backend_load.argtypes, _lib.ggml_backend_load.restype = [ctypes.c_char_p], ctypes.c_void_p
    found = sorted(Path(_lib._name).parent.glob("libggml-*.so"))
    for path in found:
        if path.name != BASE and not path.name.startswith(CPU):
            _lib.ggml_backend_load(str(path).encode())
    best = max((path for path in found if path.name.startswith(CPU)), key=_score, default=None)
    if best is None or not _lib.ggml_backend_load(str(best).encode()):
        raise BackendFailure(
            f"no library in {Path(_lib._name).parent} computes on this processor. Run `caravan doctor`"
        )
    return best.stem.removeprefix(CPU).lstrip("-") or "generic"


def cpu_variant() -> str:
    """What computes on the CPU: the name of the variant in use, or `native` and the instruction sets in use."""
    return load() or f"native ({', '.join(instruction_sets(llama_cpp.llama_print_system_info().decode())) or 'plain'})"


def instruction_sets(system_info: str) -> list[str]:
    """The instruction sets in use, from what llama.cpp says: ``CPU : AVX2 = 1 | FMA = 1 | ... | CUDA : ...``."""
    _, _, cpu = system_info.partition("CPU : ")
    pairs = [part.strip().partition(" = ") for part in cpu.partition(" : ")[0].split("|")]
    return [name for name, _, value in pairs if value == "1" and name not in _UNTOLD]


def _score(path: Path) -> int:
    """How well a library suits this processor, by its own word; 0 if it cannot run, or cannot be loaded."""
    try:
        return int(ctypes.CDLL(str(path)).ggml_backend_score())
    except (OSError, AttributeError):
        return 0
