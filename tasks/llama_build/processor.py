"""The processor of this machine, and its instruction sets."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

SETS = {
    "sse4_2": "SSE4.2",
    "avx": "AVX",
    "f16c": "F16C",
    "fma": "FMA",
    "bmi2": "BMI2",
    "avx2": "AVX2",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX-512F",
    "avx512cd": "AVX-512CD",
    "avx512bw": "AVX-512BW",
    "avx512dq": "AVX-512DQ",
    "avx512vl": "AVX-512VL",
    "avx512vbmi": "AVX-512 VBMI",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "amx_tile": "AMX tiles",
    "amx_int8": "AMX INT8",
    "amx_bf16": "AMX BF16",
    "asimddp": "dot product",
    "asimdhp": "FP16 arithmetic",
    "i8mm": "INT8 matrix product",
    "sve": "SVE",
    "sve2": "SVE2",
    "sme": "SME",
}
"""The instruction sets that llama.cpp has code for, as Linux names them, and as people do."""


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor: ``architecture`` as `uname -m` says it, and the instruction sets of `SETS` that it has."""

    architecture: str
    name: str
    sets: frozenset[str]

    @property
    def described(self) -> str:
        """Its name, and its instruction sets as people name them."""
        return f"{self.name} ({', '.join(say(self.sets)) or self.architecture})"


def read(cpuinfo: Path = CPUINFO, architecture: str = "") -> Processor:
    """This machine's processor; with cores of several kinds, what all of them have. Never raises."""
    architecture = architecture or platform.machine()
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    each = [frozenset(value.split()) for value in (*_values(lines, "flags"), *_values(lines, "Features"))]
    has = frozenset.intersection(*each) if each else frozenset[str]()
    name = next(_values(lines, "model name"), architecture)
    return Processor(architecture, name, has & SETS.keys())


def say(sets: frozenset[str]) -> list[str]:
    """Instruction sets as people name them, the oldest first."""
    return [words for name, words in SETS.items() if name in sets]


def _values(lines: list[str], wanted: str) -> Iterator[str]:
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name.strip() == wanted:
            yield value.strip()
