"""Jobs and outcomes as tests make them up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tasks.records.job import Job, Operation
from tasks.records.outcome import Choice, Outcome, Usage

MakeJob = Callable[..., Job]


def make(**fields: Any) -> Job:
    """A queued chat, but for the fields that are given."""
    base: dict[str, Any] = {"id": "j1", "model": "demo", "operation": Operation.CHAT, "request": {}}
    return Job(**{**base, "created_at": 1700000000.75, **fields})


def make_outcome() -> Outcome:
    """Two choices, one of them cut short."""
    return Outcome(
        choices=(
            Choice(index=0, text="Hi.", finish_reason="stop"),
            Choice(index=1, text="Hello the", finish_reason="length"),
        ),
        usage=Usage(prompt_tokens=5, completion_tokens=7, cached_tokens=3),
    )


def as_read(answer: object) -> Any:
    """An answer as a client reads it."""
    return json.loads(json.dumps(answer))
