"""What is added to logits, in every form in which clients send it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.bodies.biases import Biases
from tasks.records.sampling import FORBIDDEN

READ = TypeAdapter(Biases)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"15043": -100, "7": 2.5}, [(15043, -100.0), (7, 2.5)]),
        ({" Paris": False}, [(" Paris", FORBIDDEN)]),
        ([[15043, 1], ["Paris", False]], [(15043, 1.0), ("Paris", FORBIDDEN)]),
        ([], []),
        ({"1234567890": 1}, [("1234567890", 1.0)]),
    ],
)
def test_a_bias_has_a_token_or_a_text(sent: Any, read: Any) -> None:
    assert READ.validate_python(sent) == read


@pytest.mark.parametrize(
    "sent",
    [
        *("x", 7, [7], {"a": "b"}, {"": 1}, {"a": True}, {"7": float("nan")}),
        *([["a", 101]], [["a"]], [["a", 1, 2]], [[-1, 1]], [[True, 1]], [[1, 1]] * 1025),
    ],
)
def test_what_is_no_bias_is_refused(sent: Any) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(sent)
