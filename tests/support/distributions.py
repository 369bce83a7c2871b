"""Wheels of this repository's distributions, and environments with nothing in them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "app", "tasks")
"""What both distributions are made of; the folder of the client's project is in `app`."""
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def build_wheel(project: str, folder: Path) -> Path:
    """The wheel of the project in a folder here; built from a copy, since setuptools leaves files beside sources."""
    copy = folder / "copy"
    for name in BUILT_FROM:
        if not (copy / name).exists():
            _copy(HOUSE / name, copy / name)
    out = folder / "wheels" / (project.replace("/", "-") or "whole")
    run([*_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(copy / project)])
    (wheel,) = out.glob("*.whl")
    return wheel


def files(wheel: Path) -> list[str]:
    """The paths in a wheel."""
    return zipfile.ZipFile(wheel).namelist()


def metadata(wheel: Path) -> Message:
    """What a wheel says of itself."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
    return Parser().parsestr(archive.read(name).decode())


def empty_environment(folder: Path) -> Path:
    """The interpreter of a new environment with nothing in it, not even pip."""
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    return folder / "bin" / "python"


def install(wheel: Path, python: Path, folder: Path) -> None:
    """Install a wheel with what it depends on, in the versions of the lock file. Skips the test without a network."""
    pins = re.findall(r"^[a-z0-9-]+==[^ \\;]+", (HOUSE / "requirements.lock").read_text(), re.MULTILINE)
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins))
    command = [*_PIP, "--python", str(python), "install", "--constraint", str(constraints), str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "connection" in done.stderr.lower() and not os.environ.get("CI"):
        pytest.skip("the package index does not answer")
    assert done.returncode == 0, done.stderr


def installed(python: Path) -> set[str]:
    """The names of an environment's distributions."""
    code = "from importlib.metadata import distributions as all; print(*(each.metadata['Name'] for each in all()))"
    return {name.lower().replace("_", "-") for name in run([str(python), "-P", "-c", code]).split()}


def run(command: list[str], cwd: Path | None = None) -> str:
    """What a command says; none of the caller's settings of Python and Caravan are with it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CARAVAN_", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
        shutil.copytree(source, target, ignore=ignored)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
