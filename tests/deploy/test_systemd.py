"""The unit for systemd: systemd takes it, and the command takes its options."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from app.cli.up.command import command

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "caravan.service"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    here = (
        UNIT.read_text().replace("/opt/caravan/venv/bin/caravan", sys.executable).replace("User=caravan", "User=daemon")
    )
    (tmp_path / UNIT.name).write_text(here)
    ran = subprocess.run([analyze, "verify", tmp_path / UNIT.name], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_command_takes_the_options_of_the_unit() -> None:
    start = next(line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart="))
    program, name, *options = shlex.split(start.partition("=")[2])
    assert (Path(program).name, name) == ("caravan", "up")
    with click.Context(command) as context:
        command.parse_args(context, options)
    assert context.params["quiet"]
