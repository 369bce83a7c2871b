"""Embedding jobs that have ended as OpenAI's objects. Pure functions."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Mapping
from typing import Any

from app.endpoints.openai.wire import EmbeddingList, EmbeddingUsage
from tasks.records.job import Job
from tasks.records.outcome import Outcome, Usage


def embeddings(job: Job, outcome: Outcome) -> EmbeddingList:
    """The vectors, which the outcome holds as base64 of little-endian 32-bit floats, in the encoding asked for."""
    vectors = [_vector(vector, job.request) for vector in outcome.data["vectors"]]
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(vectors)],
        "model": job.model,
        "usage": tokens_read(outcome.usage),
    }


def tokens_read(counted: Usage) -> EmbeddingUsage:
    """The tokens of texts for which none are written."""
    told: EmbeddingUsage = {"prompt_tokens": counted.prompt_tokens, "total_tokens": counted.prompt_tokens}
    if counted.answer_cached:
        told["answer_cached"] = True
    return told


def vectors(job: Job, outcome: Outcome) -> list[list[str | list[float]]]:
    """Of each text its vector, or those of its tokens where the model pools none."""
    made, counts = outcome.data["vectors"], outcome.data.get("tokens")
    if counts is None:
        return [[_vector(vector, job.request)] for vector in made]
    return [_split(vector, count, job.request) for vector, count in zip(made, counts, strict=True)]


def _split(encoded: str, count: int, request: Mapping[str, Any]) -> list[str | list[float]]:
    """So many vectors, which are written together."""
    numbers = array("f", base64.b64decode(encoded))
    size = len(numbers) // count
    return [_shown(numbers[at : at + size], request) for at in range(0, len(numbers), size)]


def _vector(encoded: str, request: Mapping[str, Any]) -> str | list[float]:
    """A vector, cut to the ``dimensions`` asked for and then of length 1 again."""
    vector, dimensions = array("f", base64.b64decode(encoded)), request.get("dimensions")
    if dimensions is not None and dimensions < len(vector):
        vector = vector[:dimensions]
        length = math.hypot(*vector) or 1.0
        vector = array("f", (value / length for value in vector))
    return _shown(vector, request)


def _shown(vector: array[float], request: Mapping[str, Any]) -> str | list[float]:
    if request.get("encoding_format") == "base64":
        return base64.b64encode(vector.tobytes()).decode()
    return vector.tolist()
