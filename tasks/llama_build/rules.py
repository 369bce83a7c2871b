"""What llama.cpp's build is told: a table of rules over the compiler, the processor and where the result is to run.

llama-cpp-python 0.3.36 carries llama.cpp; its options are `ggml/CMakeLists.txt` there. Whoever compiles it for Caravan
asks `choose`: `make setup`, `make run`, CI and the images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.llama_build.compiler import Compiler
from tasks.llama_build.processor import Processor

ARRANGE = Path(__file__).with_name("arrange.cmake")

WHOLE_STORES = ("-fno-tree-dse", "-fno-dse")
"""gcc's switches that keep the stores which it takes for dead: see `breaks_tiles`."""


class UnfitCompilerError(Exception):
    """Raised when a compiler cannot make what is asked of it; its text says which one can."""


@dataclass(frozen=True, slots=True)
class Build:
    """What is to be built: by which compiler, for which processor, or for every one of its architecture."""

    compiler: Compiler
    processor: Processor
    portable: bool

    @property
    def is_x86(self) -> bool:
        return self.processor.architecture in ("x86_64", "amd64")

    @property
    def is_arm(self) -> bool:
        return self.processor.architecture in ("aarch64", "arm64")


@dataclass(frozen=True, slots=True)
class Rule:
    """Arguments for CMake and switches for the compilers, when they apply, and why."""

    why: str
    applies: Callable[[Build], bool]
    cmake: Sequence[str] = ()
    switches: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Arguments:
    """What goes to CMake, and to the compilers of C and C++."""

    cmake: tuple[str, ...]
    switches: tuple[str, ...]


def breaks_tiles(compiler: Compiler) -> bool:
    """Whether this gcc drops the stores that fill the description of AMX's tiles, so that its code dies by a signal.

    Its `_tile_loadconfig` is declared to read 8 of the 64 bytes that it reads, and from -O1 on the stores of the others
    count as dead. https://gcc.gnu.org/PR114098; it came with the intrinsic in gcc 11, and was mended in 11.5, 12.4,
    13.3 and 14.1. clang has never had it.
    """
    mended = {11: 5, 12: 4, 13: 3}
    major, minor, _ = compiler.version
    return compiler.family == "gcc" and major in mended and minor < mended[major]


def _compiles_tiles(build: Build) -> bool:
    return build.is_x86 and (build.portable or "amx_tile" in build.processor.sets)


RULES = (
    Rule(
        "All libraries lie in one folder, where llama_cpp looks. Variants and GPU backends are installed by ggml, into "
        "its folder of programs.",
        lambda _: True,
        cmake=("-DCMAKE_INSTALL_LIBDIR=llama_cpp/lib", "-DCMAKE_INSTALL_BINDIR=llama_cpp/lib"),
    ),
    Rule(
        "Changes for which llama.cpp's build has no option; the file has the reasons.",
        lambda _: True,
        cmake=(f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={ARRANGE}",),
    ),
    Rule(
        "For this machine: -march=native. The default, but not where SOURCE_DATE_EPOCH is set.",
        lambda build: not build.portable,
        cmake=("-DGGML_NATIVE=ON",),
    ),
    Rule(
        "For any machine: the CPU's part is compiled for each kind of processor, and the best is loaded at start.",
        lambda build: build.portable,
        cmake=("-DGGML_NATIVE=OFF", "-DGGML_BACKEND_DL=ON", "-DGGML_CPU_ALL_VARIANTS=ON"),
    ),
    Rule(
        "gcc 11.1-11.4, 12.1-12.3 and 13.1-13.2 break AMX (`breaks_tiles`); without dead-store elimination in the code "
        "that has AMX they do not. Seen on Sapphire Rapids with g++ 12.2: SIGSEGV at the first prompt without, twice "
        "the prefill of AVX-512 with these switches.",
        lambda build: breaks_tiles(build.compiler) and _compiles_tiles(build),
        cmake=(f"-DCARAVAN_TILE_OPTIONS={';'.join(WHOLE_STORES)}",),
    ),
    Rule(
        "gcc knows SME from 14 on. ggml has no code of its own for it, so its variants lose nothing.",
        lambda build: (
            build.is_arm and build.portable and build.compiler.family == "gcc" and build.compiler.version[0] < 14
        ),
        cmake=("-DCARAVAN_WITHOUT_SME=ON",),
    ),
    Rule(
        "Each library records its switches (`elf.py`) for `caravan doctor`. clang 9 took over gcc's name for it.",
        lambda _: True,
        switches=("-frecord-gcc-switches",),
    ),
)


def choose(build: Build) -> Arguments:
    """What a build is told.

    Raises:
        UnfitCompilerError: it is to run anywhere, and the compiler is too old to know all processors.
    """
    oldest = {"gcc": 11, "clang": 12}[build.compiler.family]
    if build.portable and build.compiler.version[0] < oldest:
        raise UnfitCompilerError(
            f"{build.compiler} knows neither AMX nor AVX-VNNI, so it cannot compile libraries for every processor: "
            "take gcc 11 or clang 12, or later ones, and name it in CC and CXX."
        )
    applied = [rule for rule in RULES if rule.applies(build)]
    return Arguments(
        cmake=tuple(argument for rule in applied for argument in rule.cmake),
        switches=tuple(switch for rule in applied for switch in rule.switches),
    )
