"""How llama.cpp is compiled: the compiler, the table of rules, and what is told while it goes on."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.llama_build import compiler, processor
from tasks.llama_build.compiler import Compiler, NoCompilerError, Toolchain, read_compiler
from tasks.llama_build.lockfile import Locked, split
from tasks.llama_build.processor import Processor
from tasks.llama_build.progress import Progress
from tasks.llama_build.recipe import JOBS, Recipe, recipe
from tasks.llama_build.rules import Build, UnfitCompilerError, choose

AVX512 = frozenset({"avx2", "avx512f", "avx512_vnni"})
AMX = AVX512 | {"amx_tile", "amx_int8", "amx_bf16"}
MENDED = "-DCARAVAN_TILE_OPTIONS=-fno-tree-dse;-fno-dse"
WITHOUT_SME = "-DCARAVAN_WITHOUT_SME=ON"
LOCKED = Locked("llama-cpp-python==1.0 --hash=sha256:00\n", "1.0", "")


def gcc(*version: int) -> Compiler:
    major, minor, patch = (*version, 0, 0)[:3]
    return Compiler("gcc", (major, minor, patch))


def clang(major: int) -> Compiler:
    return Compiler("clang", (major, 0, 0))


def build(by: Compiler, sets: frozenset[str] = AVX512, *, arch: str = "x86_64", portable: bool = False) -> Build:
    return Build(by, Processor(arch, "a processor", sets), portable)


def cmake(asked: Build) -> tuple[str, ...]:
    return choose(asked).cmake


@pytest.mark.parametrize("version", [(11, 1), (11, 4), (12, 1), (12, 2), (12, 3), (13, 1), (13, 2)])
def test_amx_by_a_gcc_that_breaks_it_is_compiled_without_dead_store_elimination(version: tuple[int, int]) -> None:
    assert MENDED in cmake(build(gcc(*version), AMX))


@pytest.mark.parametrize(
    "by", [gcc(10, 2), gcc(11, 5), gcc(12, 4), gcc(13, 3), gcc(14, 1), gcc(15), clang(14), clang(19)]
)
def test_amx_by_any_other_compiler_is_compiled_as_it_comes(by: Compiler) -> None:
    assert MENDED not in cmake(build(by, AMX))


def test_without_amx_nothing_is_told_about_it() -> None:
    assert MENDED not in cmake(build(gcc(12, 2), AVX512))


def test_for_every_processor_amx_is_compiled_whatever_processor_compiles_it() -> None:
    assert MENDED in cmake(build(gcc(12, 2), AVX512, portable=True))
    assert MENDED not in cmake(build(gcc(12, 2), frozenset(), arch="aarch64", portable=True))


def test_a_build_is_for_this_machine_or_has_a_variant_for_each() -> None:
    native, portable = cmake(build(gcc(12, 2))), cmake(build(gcc(12, 2), portable=True))
    assert "-DGGML_NATIVE=ON" in native
    assert "-DGGML_CPU_ALL_VARIANTS=ON" not in native
    assert {"-DGGML_NATIVE=OFF", "-DGGML_BACKEND_DL=ON", "-DGGML_CPU_ALL_VARIANTS=ON"} <= set(portable)


def test_variants_with_sme_are_left_to_a_gcc_that_knows_it() -> None:
    def arm(by: Compiler, *, portable: bool = True) -> tuple[str, ...]:
        return cmake(build(by, frozenset({"sve"}), arch="aarch64", portable=portable))

    assert WITHOUT_SME in arm(gcc(12, 2))
    assert WITHOUT_SME not in arm(gcc(14, 2))
    assert WITHOUT_SME not in arm(gcc(12, 2), portable=False)


@pytest.mark.parametrize("by", [gcc(10, 2), clang(11)])
def test_a_compiler_too_old_for_every_processor_is_refused_for_that_alone(by: Compiler) -> None:
    choose(build(by))
    with pytest.raises(UnfitCompilerError, match="take gcc 11 or clang 12"):
        choose(build(by, portable=True))


@pytest.mark.parametrize("by", [gcc(12, 2), clang(14)])
def test_every_library_is_told_to_record_its_switches(by: Compiler) -> None:
    assert choose(build(by)).switches == ("-frecord-gcc-switches",)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("g++ (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright (C) 2022", gcc(12, 2)),
        ("g++-11 (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0", gcc(11, 4)),
        ("g++ (GCC) 14.2.1 20240912 (Red Hat 14.2.1-3)", gcc(14, 2, 1)),
        ("x86_64-conda-linux-gnu-c++ (conda-forge gcc 13.3.0-1) 13.3.0", gcc(13, 3)),
        ("Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu", Compiler("clang", (14, 0, 6))),
        ("clang version 19.1.7 (https://example.invalid 0)", Compiler("clang", (19, 1, 7))),
        ("nvc++ 24.1-0 64-bit target", None),
    ],
)
def test_compilers_are_known_by_what_they_say_of_themselves(said: str, expected: Compiler | None) -> None:
    assert read_compiler(said) == expected


def test_a_machine_without_a_compiler_is_told_what_to_install() -> None:
    with pytest.raises(NoCompilerError, match=r"apt-get install g\+\+"):
        compiler.find({"PATH": "/nowhere"})


def test_a_compiler_that_was_named_and_is_missing_is_not_replaced_by_another() -> None:
    with pytest.raises(NoCompilerError, match="CXX is clang-99"):
        compiler.find({"PATH": "/usr/bin:/bin", "CXX": "clang-99"})


def test_a_processor_has_what_all_its_cores_have(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name\t: A\nflags\t\t: fpu avx avx2\n\nmodel name\t: B\nflags\t\t: fpu avx\n")
    assert processor.read(cpuinfo, "x86_64") == Processor("x86_64", "A", frozenset({"avx"}))


def test_an_arm_processor_lists_features(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nFeatures\t: fp asimd asimddp sve\n")
    assert processor.read(cpuinfo, "aarch64") == Processor("aarch64", "aarch64", frozenset({"asimddp", "sve"}))


def test_a_processor_that_cannot_be_read_has_no_sets(tmp_path: Path) -> None:
    assert processor.read(tmp_path / "none", "riscv64") == Processor("riscv64", "riscv64", frozenset())


def test_a_lock_file_is_cut_at_one_package_with_its_hashes(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("a==1 \\\n    --hash=sha256:0\nb==2 ; x \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\nc==3\n")
    assert split(lock, "b") == Locked(
        "b==2 ; x \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n", "2", "a==1 \\\n    --hash=sha256:0\nc==3\n"
    )
    with pytest.raises(ValueError, match="does not pin d"):
        split(lock, "d")


def of(environ: Mapping[str, str], asked: Build | None = None) -> Recipe:
    asked = asked or build(gcc(12, 2))
    return recipe(LOCKED, asked, Toolchain("gcc", "g++", asked.compiler), {"HOME": "/home/x", **environ})


def test_what_the_user_asks_for_comes_last_and_so_wins() -> None:
    made = of({"CMAKE_ARGS": "-DGGML_CUDA=on -DGGML_NATIVE=OFF", "CXXFLAGS": "-O2", JOBS: "3"})
    assert made.environ["CMAKE_ARGS"].endswith(" -DGGML_CUDA=on -DGGML_NATIVE=OFF")
    assert "-DGGML_NATIVE=ON" in made.environ["CMAKE_ARGS"]
    assert made.environ["CXXFLAGS"] == "-frecord-gcc-switches -O2"
    assert made.environ["CFLAGS"] == "-frecord-gcc-switches"
    assert made.environ[JOBS] == "3"


@pytest.mark.parametrize(
    "name", ["CMAKE_ARGS", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CMAKE_BUILD_TYPE", "SKBUILD_BUILD_DIR"]
)
def test_a_wheel_of_other_flags_is_another_wheel(name: str) -> None:
    assert of({}).key != of({name: "-DX"}).key


def test_a_wheel_of_another_compiler_processor_package_or_kind_is_another_wheel() -> None:
    asked = build(gcc(12, 2))
    keys = {
        of({}, asked).key
        for asked in (asked, replace(asked, portable=True), build(gcc(12, 3)), build(clang(14)), build(gcc(12, 2), AMX))
    }
    assert len(keys) == 5
    assert replace(of({}), locked=replace(LOCKED, package="llama-cpp-python==1.1")).key not in keys


def test_what_does_not_shape_the_libraries_does_not_make_another_wheel() -> None:
    assert of({}).key == of({"LANG": "C", JOBS: "7"}).key
    portable = build(gcc(12, 2), portable=True)
    elsewhere = replace(portable, processor=Processor("x86_64", "another", AMX))
    assert of({}, portable).key == of({}, elsewhere).key


def test_wheels_are_kept_where_the_user_s_caches_are() -> None:
    assert of({"XDG_CACHE_HOME": "/cache"}).folder.parent == Path("/cache/caravan/llama")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_where_no_terminal_is_a_line_comes_every_ten_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Progress("Compiling", stream, clock=clock)
    for second in range(25):
        clock.now = second
        progress.read(f"  [{second}/90] Building CXX object x.cpp.o\n")
        progress.tick()
    assert stream.getvalue().splitlines() == ["Compiling: step 10 of 90, 0:10", "Compiling: step 20 of 90, 0:20"]


def test_on_a_terminal_one_line_is_written_over() -> None:
    clock, stream = Clock(), Terminal()
    progress = Progress("Compiling", stream, clock=clock)
    progress.read("  *** Configuring CMake...\n")
    progress.beside = "more"
    progress.tick()
    progress.beside, clock.now = "", 61.0
    progress.tick()
    progress.end("done")
    first, second, last = stream.getvalue().lstrip("\r").split("\r")
    assert first == "Compiling: configuring, 0:00 (more)"
    assert second.rstrip() == "Compiling: configuring, 1:01"
    assert len(second) == len(first), "what the longer line left is wiped"
    assert last.split() == ["Compiling:", "done", "after", "1:01"]
