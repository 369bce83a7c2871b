"""What a library of llama.cpp says of its making, and whether it fits a processor."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tasks.llama_build import processor
from tasks.llama_build.compiler import Compiler
from tasks.llama_build.elf import HEADER, MAGIC, NO_BYTES, SECTION, Built, NotALibraryError, built_with
from tasks.llama_build.faults import compiled_sets, cpu_libraries, faults, library_folder
from tasks.llama_build.processor import Processor

GCC_12 = Compiler("gcc", (12, 2, 0))
X86 = frozenset({"sse4_2", "avx", "f16c", "fma", "bmi2", "avx2"})
AMX = X86 | {"amx_tile", "amx_int8", "amx_bf16"}
NATIVE = "GNU C++17 12.2.0 -march=haswell -msse4.2 -mavx -mf16c -mfma -mbmi2 -mavx2 -mno-amx-tile -O3"
WITH_TILES = NATIVE.replace("-mno-amx-tile", "-mamx-tile -mamx-int8 -mamx-bf16")


def on(sets: frozenset[str]) -> Processor:
    return Processor("x86_64", "a processor", sets)


def elf(**sections: bytes) -> bytes:
    """An ELF file of these sections (`_` for `.`), and one without bytes before them, as a library's `.bss` is."""
    bodies = {".bss": b"", **{name.replace("_", "."): body for name, body in sections.items()}}
    names = b"\0" + b"\0".join(name.encode() for name in (*bodies, ".shstrtab")) + b"\0"
    bodies[".shstrtab"] = names
    at, rows, content = HEADER.size, [SECTION.pack(*[0] * 10)], b""
    for name, body in bodies.items():
        kind = NO_BYTES if name == ".bss" else 1
        size = 1 << 40 if name == ".bss" else len(body)
        rows.append(SECTION.pack(names.index(name.encode() + b"\0"), kind, 0, 0, at + len(content), size, 0, 0, 1, 0))
        content += body
    table_at = at + len(content)
    ident = MAGIC.ljust(16, b"\0")
    header = HEADER.pack(ident, 3, 62, 1, 0, 0, table_at, 0, HEADER.size, 0, 0, SECTION.size, len(rows), len(rows) - 1)
    return header + content + b"".join(rows)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_library_tells_its_compiler_and_each_of_its_command_lines(tmp_path: Path) -> None:
    gcc = b"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0\0"
    path = write(tmp_path / "lib.so", elf(_comment=gcc, _GCC_command_line=b"GNU C17 -O3\0GNU C++17 -O3 -mavx2\0\0"))
    assert built_with(path) == Built(GCC_12, ("GNU C17 -O3", "GNU C++17 -O3 -mavx2"))


def test_clang_is_named_although_the_c_library_brings_gcc_s_name_too(tmp_path: Path) -> None:
    comment = b"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0\0Debian clang version 14.0.6\0"
    assert built_with(write(tmp_path / "lib.so", elf(_comment=comment))).compiler == Compiler("clang", (14, 0, 6))


def test_a_stripped_library_says_nothing(tmp_path: Path) -> None:
    assert built_with(write(tmp_path / "lib.so", elf())) == Built(None, ())


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n" + b" " * 100, struct.pack("<16s", MAGIC), elf()[:-1]])
def test_what_is_no_library_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NotALibraryError):
        built_with(write(tmp_path / "lib.so", content))


def test_the_last_switch_counts_and_a_level_stands_for_its_sets() -> None:
    assert compiled_sets(Built(GCC_12, ("-march=x86-64-v3 -mno-avx2 -mavx512f -mno-avx512f",))) == X86.difference(
        {"avx2"}
    )


@pytest.mark.parametrize("command", ["clang -O3 -march=native", "GNU C17 -O3 -march=haswell"])
def test_a_processor_s_name_alone_tells_no_sets(command: str) -> None:
    assert compiled_sets(Built(GCC_12, (NATIVE, command))) is None


def test_arm_s_extensions_are_read_from_its_architecture() -> None:
    assert compiled_sets(Built(GCC_12, ("-march=armv8.2-a+dotprod+nosve",))) == frozenset({"asimddp"})


def test_a_library_for_its_processor_has_no_faults() -> None:
    assert faults({"libggml-cpu.so": Built(GCC_12, (NATIVE,))}, on(X86)) == []


def test_tiles_by_a_gcc_that_breaks_them_are_a_fault() -> None:
    (fault,) = faults({"libggml-cpu.so": Built(GCC_12, (NATIVE, WITH_TILES))}, on(AMX))
    assert "gcc 12.2.0, which compiles AMX wrong" in fault
    assert "make clean setup" in fault


@pytest.mark.parametrize(
    "built",
    [
        Built(GCC_12, (WITH_TILES + " -fno-tree-dse -fno-dse",)),
        Built(Compiler("gcc", (12, 4, 0)), (WITH_TILES,)),
        Built(Compiler("clang", (14, 0, 6)), (WITH_TILES,)),
    ],
)
def test_tiles_that_were_compiled_right_are_none(built: Built) -> None:
    assert faults({"libggml-cpu.so": built}, on(AMX)) == []


@pytest.mark.parametrize("switches", ["-fno-tree-dse", "-fno-dse", "-fno-tree-dse -fno-dse -fdse"])
def test_half_of_the_switches_do_not_mend_the_tiles(switches: str) -> None:
    assert faults({"libggml-cpu.so": Built(GCC_12, (f"{WITH_TILES} {switches}",))}, on(AMX))


def test_tiles_of_an_unknown_making_are_a_fault_only_where_the_processor_has_them() -> None:
    silent = {"libggml-cpu.so": Built(GCC_12, ())}
    assert faults(silent, on(X86)) == []
    (fault,) = faults(silent, on(AMX))
    assert "unrecorded switches" in fault


def test_sets_that_the_processor_lacks_are_a_fault() -> None:
    (fault,) = faults({"libggml-cpu.so": Built(GCC_12, (NATIVE,))}, on(X86 - {"avx2", "fma"}))
    assert "compiled for FMA, AVX2, which this processor lacks" in fault


def test_sets_that_are_left_unused_are_a_fault() -> None:
    (fault,) = faults({"libggml-cpu.so": Built(GCC_12, (NATIVE,))}, on(X86 | {"avx512f"}))
    assert "leaves AVX-512F of this processor unused" in fault


@pytest.mark.parametrize("level", ["-O0", "-g"])
def test_code_without_optimisation_is_a_fault(level: str) -> None:
    (fault,) = faults({"libggml-cpu.so": Built(GCC_12, (NATIVE.replace("-O3", level),))}, on(X86))
    assert "without optimisation" in fault


def test_of_variants_one_has_to_fit() -> None:
    variants = {
        "libggml-cpu-haswell.so": Built(GCC_12, (NATIVE,)),
        "libggml-cpu-sapphirerapids.so": Built(GCC_12, (WITH_TILES + " -fno-tree-dse -fno-dse",)),
    }
    assert faults(variants, on(X86)) == []
    (fault,) = faults(variants, on(frozenset({"sse4_2"})))
    assert "runs on this processor" in fault


def test_no_library_at_all_is_a_fault() -> None:
    (fault,) = faults({}, on(X86))
    assert "no library" in fault


def test_the_installed_libraries_fit_this_machine() -> None:
    folder = library_folder()
    assert folder is not None
    libraries = {path.name: built_with(path) for path in cpu_libraries(folder)}
    assert faults(libraries, processor.read()) == []
    assert all(built.compiler for built in libraries.values())
