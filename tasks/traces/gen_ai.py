"""Jobs in the words of OpenTelemetry's semantic conventions for generative AI. No text of a prompt or an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.records.job import Job, Operation
from tasks.traces.span import Value

PROVIDER = "caravan"
NAMES: Mapping[str, str] = {
    Operation.RESPONSE.value: "chat",
    Operation.COMPLETION.value: "text_completion",
    Operation.EMBEDDING.value: "embeddings",
}
"""Of operations that the conventions call otherwise. They have no names for the others, and leave these to us."""
_SAMPLING = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}


def operation_name(operation: str) -> str:
    return NAMES.get(operation, operation)


def span_name(operation: str, model: str) -> str:
    return f"{operation_name(operation)} {model}"


def asked(job: Job) -> dict[str, Value]:
    """Attributes of what a job asks for: its settings, as far as they are numbers."""
    sampling: Mapping[str, Any] = job.request.get("sampling") or {}
    found: dict[str, Value] = {
        f"gen_ai.request.{name}": sampling[field]
        for field, name in _SAMPLING.items()
        if isinstance(sampling.get(field), int | float)
    }
    if (choices := sampling.get("n", 1)) != 1:
        found["gen_ai.request.choice.count"] = choices
    return found


def usage(told: Mapping[str, int]) -> dict[str, Value]:
    """A record's counts of tokens."""
    return {
        "gen_ai.usage.input_tokens": told["prompt_tokens"],
        "gen_ai.usage.output_tokens": told["completion_tokens"],
        "gen_ai.usage.cache_read.input_tokens": told.get("cached_tokens", 0),
    }
