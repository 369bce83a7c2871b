"""What all unit tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import pytest

from tasks.jobs import Choice, Job, Operation, Outcome, Usage

hypothesis.settings.register_profile("unit", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("unit")

MakeJob = Callable[..., Job]


@pytest.fixture
def make_job() -> MakeJob:
    """A queued chat, but for the fields that are given."""

    def make(**fields: Any) -> Job:
        base: dict[str, Any] = {"id": "j1", "model": "demo", "operation": Operation.CHAT, "request": {}}
        return Job(**{**base, "created_at": 1700000000.75, **fields})

    return make


@pytest.fixture
def outcome() -> Outcome:
    """Two choices, one of them cut short."""
    return Outcome(
        choices=(
            Choice(index=0, text="Hi.", finish_reason="stop"),
            Choice(index=1, text="Hello the", finish_reason="length"),
        ),
        usage=Usage(prompt_tokens=5, completion_tokens=7, cached_tokens=3),
    )
