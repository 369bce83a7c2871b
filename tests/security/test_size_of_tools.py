"""Tools of a request that fits into a body cannot hold up a web process."""

from __future__ import annotations

import pytest

from app.bodies.tools import MOST_PARAMETER_BYTES, Function, check_functions
from tasks.errors import InvalidRequest


def functions(count: int, size: int) -> list[Function]:
    described = {"type": "object", "properties": {}, "description": "x" * size}
    return [Function(name=f"f{number}", parameters=described) for number in range(count)]


def test_the_sum_of_their_parameters_is_bounded_whatever_each_has() -> None:
    check_functions(functions(64, MOST_PARAMETER_BYTES // 64 - 100), None)
    with pytest.raises(InvalidRequest, match=r"The tools' parameters have \d+ bytes as JSON, and 524288 is the most"):
        check_functions(functions(64, MOST_PARAMETER_BYTES // 64), None)
