"""Variables that a request gives the model's chat template."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tasks.models.catalogue import ModelEntry

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""OpenAI's words for how long a model may reason."""
TemplateVariables = Annotated[dict[str, Any], Field(max_length=32)]


def template_variables(entry: ModelEntry, effort: Effort | None, given: dict[str, Any] | None) -> dict[str, Any]:
    """What the model's entry says, then what templates know of an effort, then what the request gives by name."""
    thinking = {} if effort is None else {"reasoning_effort": effort, "enable_thinking": effort != "none"}
    return {**entry.chat_template_kwargs, **thinking, **(given or {})}
