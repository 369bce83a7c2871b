"""A context is within what the model was trained for, or scaled to."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.models.entry import ModelEntry
from tasks.models.longest import longest, trouble

YARN = {"rope_scaling": "yarn", "rope_scale": 2}


def demo(**said: Any) -> ModelEntry:
    """The demo model was trained for 1,024 tokens."""
    return ModelEntry(path="demo", **said)


@pytest.mark.parametrize("said", [{}, {"context": 64}, {"context": 1024}, {"context": 2048, **YARN}])
def test_a_context_within_it_is_no_trouble(said: dict[str, Any]) -> None:
    assert trouble(demo(**said)) == ""


def test_a_context_beyond_it_is_told_with_what_to_write() -> None:
    assert trouble(demo(context=1500)) == (
        "context is 1500, and the model was trained for 1024 tokens: lower context, or scale positions, if the "
        "model's page says so, by rope_scaling: yarn and rope_scale: 1.47"
    )


def test_one_beyond_what_it_is_scaled_to_is_told_with_both() -> None:
    said = trouble(demo(context=4096, **YARN))
    assert "the model was trained for 1024 tokens, which rope_scale 2 makes 2048: lower context" in said
    assert said.endswith("rope_scale: 4")


@pytest.mark.parametrize("context", [1025, 1500, 4095, 100_000])
def test_the_scale_that_is_named_is_enough(context: int) -> None:
    needed = float(trouble(demo(context=context)).rpartition(" ")[2])
    assert trouble(demo(context=context, rope_scaling="yarn", rope_scale=needed)) == ""


def test_the_longest_is_told_of_a_file_alone() -> None:
    assert [longest(demo()), longest(demo(**YARN)), longest(ModelEntry(path="fake"))] == [1024, 2048, None]
    nowhere = ModelEntry(path="/nowhere.gguf", context=1 << 20)
    assert (longest(nowhere), trouble(nowhere)) == (None, "")
