"""Texts and token ids, in every form in which clients send them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.bodies.texts_or_tokens import Given, inputs

READ: TypeAdapter[list[Given]] = TypeAdapter(Annotated[list[Given], *inputs(3)])


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a", ["a"]),
        ([1, 2], [[1, 2]]),
        ([1, "a", 2], [[1, "a", 2]]),
        (["a", [1, "b"], {"prompt_string": "c"}], ["a", [1, "b"], "c"]),
        ({"content": [{"type": "text", "text": "a "}, {"type": "text", "text": "b"}]}, ["a b"]),
    ],
)
def test_one_or_several_are_read(sent: Any, read: list[Given]) -> None:
    assert READ.validate_python(sent) == read


@pytest.mark.parametrize(
    "sent",
    [
        *("", [], [""], [[]], [1, ""], [1, -1], [1, 1.5], [1.5], [True], 7, None, {}, [["a", "b"]], ["a"] * 4),
        {"content": "a"},
        {"content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
        {"content": [{"type": "text", "text": 7}]},
        {"prompt_string": "a", "multimodal_data": ["x"]},
        {"prompt_string": 7},
    ],
)
def test_what_is_neither_is_refused(sent: Any) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(sent)
