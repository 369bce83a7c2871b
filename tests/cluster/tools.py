"""Builds the programs of a control plane by Go, once: `python -m tests.cluster.tools [--check]`.

They are kept in a folder that a CI may cache (0.9 GiB). Nothing is fetched but Go modules.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.cluster.versions import FOLDERS, HELM, MODULES, NEEDED, Module, Program, link_flags

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "caravan-tools" / "cluster"
SECONDS_BETWEEN_LINES = 15


class NoGo(Exception):
    """Raised when there is no Go, or one that fetches or builds nothing; the message is Go's."""


def say(text: str) -> None:
    print(text, flush=True)


class Tools:
    """The built programs in a folder, by their names."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def missing(self, *modules: str) -> list[str]:
        """Of some modules, by their names, and what is no program; of all if none is named."""
        programs = [each for module in MODULES if module.name in modules or not modules for each in module.programs]
        names = (*(program.file for program in programs), *FOLDERS)
        return [name for name in names if not (self.folder / name).exists()]

    def path(self, name: str) -> str:
        """Of a program that is there in one version."""
        (program,) = (each for module in MODULES for each in module.programs if each.name == name)
        return str(self.folder / program.file)

    def helm(self, major: int) -> str:
        return str(self.folder / HELM[major].file)

    def build(self) -> None:
        """Make what is missing; raises NoGo."""
        for name in FOLDERS:
            if not (self.folder / name).exists():
                self._copy(name)
        for module in MODULES:
            programs = [each for each in module.programs if not (self.folder / each.file).exists()]
            if programs:
                source = self._module(module)
                for program in programs:
                    self._program(source, program)

    def _module(self, module: Module) -> Path:
        """A module of our own with the programs as its tools, and the choices of the go.mod that they come from.

        `go install PACKAGE@VERSION` refuses a go.mod with `replace` lines, which all but Helm's have.
        """
        say(f"{module.name}: which modules it takes")
        source = self.folder / "modules" / module.name
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir(parents=True)
        (source / "go.mod").write_text(f"module example.org/{module.name}\n\ngo 1.26\n")
        found = json.loads(go(source, "mod", "download", "-json", f"{module.path}@{module.version}"))
        upstream = json.loads(go(source, "mod", "edit", "-json", found["GoMod"]))
        required = [f"-require={each}" for each in (f"{module.path}@{module.version}", *module.requires)]
        go(source, "mod", "edit", *required, *chosen(upstream, module.parts))
        go(source, "get", "-tool", *(program.package for program in module.programs))
        return source

    def _copy(self, name: str) -> None:
        module, inner = FOLDERS[name]
        found = json.loads(go(self.folder, "mod", "download", "-json", module))
        begun = self.folder / f"{name}.begun"
        shutil.rmtree(begun, ignore_errors=True)
        shutil.copytree(Path(found["Dir"]) / inner, begun, copy_function=shutil.copyfile)
        for folder in (begun, *(each for each in begun.rglob("*") if each.is_dir())):
            folder.chmod(0o755)  # Go's own are read-only
        begun.rename(self.folder / name)

    def _program(self, source: Path, program: Program) -> None:
        """A program is there whole or not at all."""
        begun = self.folder / f"{program.file}.begun"
        options = ["-trimpath", "-ldflags", link_flags(), "-o", str(begun)]
        compile_aloud(source, program.file, ["go", "build", "-v", *options, program.package])
        begun.rename(self.folder / program.file)


def chosen(upstream: dict[str, Any], parts: str) -> list[str]:
    """Options of `go mod edit` for what a go.mod replaces and excludes.

    What it replaces by a folder of its own tree is published: Kubernetes' parts under a version of their own, those of
    others under the one that is required anyway.
    """
    options = []
    for each in upstream.get("Replace") or []:
        old, new = each["Old"]["Path"], each["New"]
        if "Version" in new:
            options.append(f"-replace={old}={new['Path']}@{new['Version']}")
        elif parts:
            options.append(f"-replace={old}={old}@{parts}")
    return options + [f"-exclude={each['Path']}@{each['Version']}" for each in upstream.get("Exclude") or []]


def environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": os.environ.get("GOFLAGS", "-p=2")}


def go(folder: Path, *arguments: str) -> str:
    """What Go prints; raises NoGo."""
    done = subprocess.run(["go", *arguments], cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise NoGo(f"go {' '.join(arguments[:3])}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def compile_aloud(folder: Path, name: str, command: list[str]) -> None:
    """Run a build, and say from time to time how many packages it has compiled; raises NoGo."""
    begun = said = time.monotonic()
    last: list[str] = []
    with subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True) as build:
        for count, line in enumerate(_lines(build), 1):
            last = [*last[-20:], line]
            if time.monotonic() - said > SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                say(f"{name}: {count} packages, {said - begun:.0f} s")
    if build.returncode:
        raise NoGo(f"{name}: {''.join(last)}")
    say(f"{name}: built, {time.monotonic() - begun:.0f} s")


def _lines(process: subprocess.Popen[str]) -> Iterable[str]:
    assert process.stderr is not None
    return process.stderr


def main() -> int:
    """Exit status 0 when all is there; with `--check` nothing is built, and what is needed is enough."""
    tools = Tools()
    missing = tools.missing()
    if not missing:
        return 0
    if "--check" in sys.argv[1:]:
        say(f"not in {tools.folder}: {', '.join(missing)}")
        return 1 if tools.missing(*NEEDED) else 0
    if shutil.which("go") is None:
        say("no go: the programs of a control plane are built by it, and its tests are skipped")
        return 0 if os.environ.get("CI") != "true" else 1
    say(f"{len(missing)} parts are missing in {tools.folder}; from nothing that takes 20 to 60 minutes on two cores")
    try:
        tools.folder.mkdir(parents=True, exist_ok=True)
        tools.build()
    except NoGo as exc:
        say(str(exc))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
