"""What the doctor makes of llama.cpp's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.doctor import library
from app.doctor.finding import Finding, State
from app.doctor.library import Library
from tasks.llama_build.compiler import Compiler
from tasks.llama_build.elf import Built
from tasks.llama_build.processor import Processor
from tasks.llama_build.rules import WHOLE_STORES

GCC_12 = Compiler("gcc", (12, 2, 0))
AVX2 = frozenset({"sse4_2", "avx", "f16c", "fma", "bmi2", "avx2"})
HASWELL = Processor("x86_64", "a processor", AVX2)
AMX = Processor("x86_64", "a processor", AVX2 | {"amx_tile", "amx_int8", "amx_bf16"})
FOR_AVX2 = "GNU C++17 -O3 -msse4.2 -mavx -mf16c -mfma -mbmi2 -mavx2"
FOR_AMX = f"{FOR_AVX2} -mamx-tile -mamx-int8 -mamx-bf16"


def whole(*more: str, built: Mapping[str, Built] | None = None, damaged: Mapping[str, str] | None = None) -> Library:
    return Library(
        version="0.3.36",
        folder=Path("/lib"),
        names=[*library.PARTS, *more],
        built={"libggml-cpu.so": Built(GCC_12, (FOR_AVX2,))} if built is None else built,
        damaged=damaged or {},
    )


def judged(there: Library | None, processor: Processor = HASWELL, *, workers_run_here: bool = True) -> list[Finding]:
    return list(library.judge(there, processor, workers_run_here=workers_run_here))


def build_of(*commands: str, processor: Processor = HASWELL) -> Finding:
    _, build = judged(whole(built={"libggml-cpu.so": Built(GCC_12, commands)}), processor)
    assert build.check == "llama.cpp build"
    return build


def test_a_library_that_is_not_here_is_a_fault_only_where_workers_run() -> None:
    assert [finding.state for finding in judged(None)] == [State.FAULT]
    assert [finding.state for finding in judged(None, workers_run_here=False)] == [State.WARNING]


def test_a_library_that_is_not_whole_is_a_fault() -> None:
    there = Library(version="", folder=Path("/lib"), names=["libllama.so"], built={}, damaged={})
    (finding,) = judged(there)
    assert finding.state == State.FAULT
    assert "/lib has no libggml.so, libggml-base.so" in finding.found


def test_a_library_that_is_cut_short_is_a_fault() -> None:
    _, finding = judged(whole(built={}, damaged={"libggml-cpu.so": "it is cut short"}))
    assert (finding.state, finding.found) == (State.FAULT, "libggml-cpu.so is damaged: it is cut short")


def test_what_a_library_was_built_for_is_told() -> None:
    cuda = whole("libggml-cuda.so", "libggml-blas.so")
    assert cuda.cards == ["cuda"]
    assert judged(cuda)[0].found == "llama-cpp-python 0.3.36 in /lib, for the processor, CUDA"


def test_the_compiler_and_its_switches_are_told() -> None:
    fitting = build_of(FOR_AVX2)
    assert fitting.state == State.OK
    assert fitting.found == "by gcc 12.2.0 -O3, for SSE4.2, AVX, F16C, FMA, BMI2, AVX2"
    assert build_of().found == "by gcc 12.2.0; its switches are not recorded"
    assert build_of("clang -O3 -march=native").found.endswith("for the processor of its build machine")
    stores = build_of(f"{FOR_AMX} {' '.join(WHOLE_STORES)}", processor=AMX)
    assert stores.state == State.OK
    assert stores.found.startswith("by gcc 12.2.0 -O3 -fno-tree-dse -fno-dse, for ")


def test_variants_are_told_by_name() -> None:
    variants = {f"libggml-cpu-{name}.so": Built(GCC_12, (FOR_AVX2,)) for name in ("x64", "haswell")}
    _, build = judged(whole(built=variants))
    assert (build.state, build.found) == (State.OK, "by gcc 12.2.0, a variant each for haswell, x64")


def test_what_kills_is_a_fault_and_what_is_only_slower_a_warning() -> None:
    breaks = build_of(FOR_AMX, processor=AMX)
    lacks = build_of(FOR_AMX)
    assert (breaks.state, lacks.state) == (State.FAULT, State.FAULT)
    assert "compiles AMX wrong" in breaks.found
    assert "it dies by SIGILL" in lacks.found
    slow = build_of(FOR_AVX2.replace("-mavx2", ""))
    assert (slow.state, "leaves AVX2" in slow.found) == (State.WARNING, True)
    untold = build_of(processor=AMX)
    assert (untold.state, "compiles AMX wrong" in untold.found) == (State.WARNING, True)
    assert {finding.advice[:32] for finding in (breaks, lacks, slow)} == {"Build it again: make clean setup"}
    assert not any("again" in finding.found for finding in (breaks, lacks, slow, untold))


def test_a_library_without_code_for_processors_is_a_fault() -> None:
    _, finding = judged(whole(built={}))
    assert (finding.state, "There is no library" in finding.found) == (State.FAULT, True)
