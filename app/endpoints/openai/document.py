"""``/v1/chat/completions``, ``/v1/completions`` and ``/v1/embeddings``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from app.endpoints.openai import wire
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.completion_body import CompletionBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from app.openapi import examples
from app.openapi.describe import Answer, Description, Event
from app.openapi.parts import (
    CACHE_CONTROL,
    IDEMPOTENCY_KEY,
    RATE_LIMITS,
    RUN_ERRORS,
    URGENCY,
    X_JOB_ID,
    X_JOB_ID_OF_ERROR,
    X_ON_DISCONNECT,
    X_UNUSED_PARAMETERS,
)
from tasks.error_wire import ErrorAnswer

TAG = "OpenAI"
ABOUT = "OpenAI's endpoints. Each call is a job; `X-Job-Id` is its id."

_HEADERS = (X_JOB_ID, X_UNUSED_PARAMETERS, *RATE_LIMITS)


def runs(
    body: type[BaseModel], answer: Any, shown: examples.Examples, *, tag: str = TAG, events: tuple[Event, ...] = ()
) -> Description:
    """A call that runs its body as a job and answers with the result, or streams it."""
    streamed = " With `stream`, its events." if events else ""
    return Description(
        tag=tag,
        bodies=(body,),
        examples=shown,
        parameters=(IDEMPOTENCY_KEY, X_ON_DISCONNECT, CACHE_CONTROL, *URGENCY),
        answers={
            200: Answer(
                meaning=f"The result.{streamed}",
                schema=answer,
                events=events,
                headers=_HEADERS,
            )
        },
        errors=RUN_ERRORS,
        error_headers=(X_JOB_ID_OF_ERROR, *RATE_LIMITS),
    )


def _chunks(chunk: Any) -> tuple[Event, ...]:
    return (
        Event(meaning="A piece of the answer.", data=chunk),
        Event(meaning="The end of a complete answer.", word="[DONE]"),
        Event(meaning="The job failed after its first token; the last event.", data=ErrorAnswer),
    )


CALLS = {
    "chat.create": runs(ChatBody, wire.ChatCompletion, examples.CHATS, events=_chunks(wire.ChatChunk)),
    "completions.create": runs(
        CompletionBody, wire.Completion, examples.COMPLETIONS, events=_chunks(wire.CompletionChunk)
    ),
    "embeddings.create": runs(EmbeddingBody, wire.EmbeddingList, examples.EMBEDDINGS),
}
