"""The installation beside the build of llama.cpp: how it ends when pip cannot install a package."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.llama_build import install as installation
from tasks.llama_build.compiler import Compiler
from tasks.llama_build.lockfile import Locked
from tasks.llama_build.processor import Processor
from tasks.llama_build.recipe import Recipe
from tasks.llama_build.rules import Build
from tasks.llama_build.wheel import BuildFailedError

FAILS = "print('ERROR: no wheel of it'); raise SystemExit(1)"
FAILS_AT_LENGTH = "print('a line of a compiler\\n' * 50_000); " + FAILS


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a lock file with a pip that runs a script, beside a build that ends with the call `built`."""
    build = Build(Compiler("gcc", (13, 3, 0)), Processor("x86_64", "a processor", frozenset()), portable=False)
    wanted = Recipe(Locked("1.0", "llama-cpp-python==1.0\n", ""), build, {"XDG_CACHE_HOME": str(tmp_path)})
    lock = tmp_path / "some.lock"
    lock.write_text("llama-cpp-python==1.0 \\\n    --hash=sha256:00\n")

    def run(pip: str, built: Callable[[Callable[[], None]], Path]) -> None:
        monkeypatch.setattr(installation, "PIP", (sys.executable, "-c", pip))
        monkeypatch.setattr(installation, "plan", lambda *_args, **_options: wanted)
        monkeypatch.setattr(installation, "build_wheel", lambda _recipe, _progress, meanwhile: built(meanwhile))
        installation.install(lock, project=tmp_path, wheels=tmp_path, environ={}, stream=io.StringIO())

    return run


def still_compiling(meanwhile: Callable[[], None]) -> Path:
    while True:
        meanwhile()
        time.sleep(0.01)


@pytest.mark.parametrize("pip", [FAILS, FAILS_AT_LENGTH])
@pytest.mark.parametrize("built", [still_compiling, lambda _meanwhile: Path("a.whl")], ids=["during", "after"])
def test_a_package_that_fails_ends_it_in_pips_words_and_a_sentence(installed: Any, pip: str, built: Any) -> None:
    with pytest.raises(BuildFailedError) as failed:
        installed(pip, built)
    assert failed.value.__context__ is None
    *_, word, empty, sentence = str(failed.value).splitlines()
    assert (word, empty) == ("  ERROR: no wheel of it", "")
    assert sentence.endswith("Mend that, and run it again.")


def test_a_build_that_fails_ends_the_pip_beside_it(installed: Any) -> None:
    def failing(meanwhile: Callable[[], None]) -> Path:
        meanwhile()
        meanwhile()
        raise BuildFailedError("It does not compile.")

    with pytest.raises(BuildFailedError, match="It does not compile"):
        installed("import time; time.sleep(600)", failing)
