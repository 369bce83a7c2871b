"""What the endpoints make of a batch's lines: `tasks.batches` is given this where the clerk is put together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from app.bodies.job import JobBody
from app.bodies.validation import model_for, request_of, validate
from app.endpoints.anthropic.body import SEALED, MessagesBody
from app.endpoints.anthropic.message import message
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.completion_body import CompletionBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from app.endpoints.openai.rerank.body import RerankBody
from app.endpoints.openai.responses.body import ResponseBody
from app.endpoints.openai.result import result
from app.jobs.repeats import repeat_of
from tasks.batches.batch import Batch
from tasks.errors import InvalidRequest
from tasks.models.current import CurrentCatalogue
from tasks.records.api_key import Limits
from tasks.records.job import Job

SCHEMAS: Mapping[str, type[JobBody]] = {
    "/v1/chat/completions": ChatBody,
    "/v1/completions": CompletionBody,
    "/v1/embeddings": EmbeddingBody,
    "/v1/rerank": RerankBody,
    "/v1/responses": ResponseBody,
    "/v1/messages": MessagesBody,
}
"""The endpoints that a batch can call."""

_REFUSED = {
    "priority": "A line of a batch always has the priority low; leave priority out.",
    "timeout": "A line of a batch has the time of its batch; leave timeout out.",
    "stream": "A line of a batch cannot be streamed; leave stream out.",
    "background": "A line of a batch always runs in the background; leave background out.",
    "previous_response_id": "A line of a batch cannot continue another response; leave previous_response_id out.",
}


class LineEndpoints:
    """From a line's body to a job, and from a job that has ended to what its endpoint answers."""

    def __init__(self, models: CurrentCatalogue) -> None:
        self._models = models

    def models(self, limits: Limits) -> Iterable[str]:
        """The models that may be asked."""
        return [
            each
            for name, entry in self._models.now.items()
            if limits.allows(name)
            for plain in (name, *entry.aliases)
            for each in (plain, *entry.adapted(plain))
        ]

    def job(self, batch: Batch, job_id: str, body: Mapping[str, Any]) -> Job:
        """The job of a body, under an id; raises CaravanError if it cannot be run as it stands.

        A line that names no seed has one of its own, the same whoever reads it.
        """
        asked = validate(SCHEMAS[batch.endpoint], body)
        for name, why in _REFUSED.items():
            if getattr(asked, name, None):
                raise InvalidRequest(why, param=name)
        models = self._models.serving(asked.model)
        model, entry = model_for(asked, models)
        request = request_of(asked, models, entry)
        if "sampling" in request and body.get("seed") in (None, -1):
            request["sampling"]["seed"] = _seed(job_id)
        return Job(
            id=job_id,
            model=model,
            operation=asked.operation,
            request=request,
            metadata=asked.metadata or {},
            repeat=repeat_of(asked.operation, model, entry, request),
        )

    def answer(self, batch: Batch, job: Job) -> Mapping[str, Any]:
        """The answer of a job that succeeded, without its times: a batch's output is the same whenever it is run."""
        if SCHEMAS[batch.endpoint] is MessagesBody:
            assert job.outcome is not None
            return message(job, job.outcome, shows_thinking=not job.request.get(SEALED))
        answered = result(job)
        assert answered is not None
        return {name: value for name, value in answered.items() if name != "timings"}


def _seed(job_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(job_id.encode(), digest_size=7).digest(), "little")
