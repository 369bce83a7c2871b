"""How urgent a job is, as a body says it: by name, or by number as vLLM has it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.bodies.part import Part

PriorityName = Literal["high", "normal", "low"]
MOST_SECONDS = 7 * 86_400


def by_name(value: Any) -> Any:
    """vLLM's numbers, of which the lower is the more urgent: all below 0 are high, and all above it low.

    vLLM has 0 where nothing is asked for, so it asks for nothing here.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return value
    return "high" if value < 0 else "low" if value > 0 else None


AskedPriority = Annotated[
    PriorityName | None, BeforeValidator(by_name, json_schema_input_type=PriorityName | int | None)
]


class Urgency(Part):
    """How soon a job is wanted. ``timeout`` is in seconds from acceptance, time in the queue included."""

    priority: AskedPriority = None
    timeout: float | None = Field(None, gt=0, le=MOST_SECONDS)
