"""Which Pythons are refused, and in which words."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tasks.llama_build.interpreter import OLDEST, refusal


def test_a_python_that_is_too_old_is_named_with_what_to_do() -> None:
    assert refusal((3, 10, 13), in_environment=False) == (
        "Python 3.11 or later is needed; this is 3.10.13 (make run PYTHON=python3.11)."
    )


def test_an_environment_of_such_a_python_has_to_be_made_again() -> None:
    assert refusal((3, 9, 2), in_environment=True).endswith("(make clean && make run PYTHON=python3.11).")


def test_the_oldest_python_and_later_ones_are_taken() -> None:
    assert [refusal(each, in_environment=True) for each in ((3, 11, 0), (3, 13, 1), (4, 0, 0))] == ["", "", ""]


def test_the_package_asks_for_the_same_python() -> None:
    project = tomllib.loads(Path(__file__).parents[4].joinpath("pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={OLDEST[0]}.{OLDEST[1]}"
