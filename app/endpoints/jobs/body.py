"""The bodies of ``POST /jobs``, an OpenAI body and how the job is to be treated, and of what is done to jobs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.bodies.job import Envelope
from app.bodies.part import Part
from app.bodies.urgency import PriorityName
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.completion_body import CompletionBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from app.endpoints.openai.rerank.body import RerankBody


class ChatJobBody(ChatBody, Envelope):
    """A chat as a job. Its events URL has the stream."""

    stream: Literal[False] | None = None


class CompletionJobBody(CompletionBody, Envelope):
    """A completion as a job. Unlike OpenAI's endpoint it generates to the end unless ``max_tokens`` is given."""

    default_limit: ClassVar[int | None] = None

    stream: Literal[False] | None = None


class EmbeddingJobBody(EmbeddingBody, Envelope):
    """Vectors of texts as a job."""


class RerankJobBody(RerankBody, Envelope):
    """Scores of documents as a job."""


MOST_JOBS = 1000
"""Jobs that one call takes."""
JobIds = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=MOST_JOBS)]


class JobDeletion(Part):
    """The jobs to delete."""

    ids: JobIds


class JobsWait(Part):
    """The jobs of which some are to have ended, and for how many seconds the answer may be held back."""

    ids: JobIds
    wait: Annotated[float, Field(ge=0)] = 0.0


class JobChange(Part):
    """A change to a queued job."""

    priority: PriorityName
