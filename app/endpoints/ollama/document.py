"""Ollama's calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from app.endpoints.ollama import wire
from app.endpoints.ollama.body import EmbedBody, GenerateBody, OldEmbeddingBody, OllamaChatBody, PullBody, ShowBody
from app.endpoints.ollama.errors import FORM
from app.endpoints.openai.document import runs
from app.openapi import examples
from app.openapi.describe import Answer, Description
from tasks.errors import BrokerUnavailable, InvalidRequest, ModelNotFound, RequestTooLarge

TAG = "Ollama"
ABOUT = "Ollama's calls. Each that generates is a job; `X-Job-Id` is its id. Failures have Ollama's form."


def _runs(body: type[BaseModel], answer: Any, shown: examples.Examples, *, piece: Any = None) -> Description:
    """A call that runs its body as a job. It streams unless it is asked not to, if it has pieces."""
    made = runs(body, answer, shown, tag=TAG)
    (told,) = made.answers.values()
    headers = tuple(replace(each, always=False) for each in told.headers)  # a body that says nothing runs no job
    streamed = "The result. Unless `stream` is false, its pieces, then the result without the text or an error."
    answers = {
        200: replace(
            told,
            headers=headers,
            meaning=streamed if piece else told.meaning,
            lines=piece and (piece | answer | wire.OllamaError),
        )
    }
    return replace(made, answers=answers, error_form=FORM)


def _tells(schema: Any, meaning: str, *errors: Any) -> Description:
    answers = {200: Answer(meaning=meaning, schema=schema)}
    return Description(tag=TAG, answers=answers, errors=errors, error_form=FORM)


_NAMED = (InvalidRequest, ModelNotFound, RequestTooLarge)
_REFUSED = Description(tag=TAG, answers={}, errors=(InvalidRequest,), error_form=FORM)
_PULL = _tells(wire.Status, "The model is there.", *_NAMED)

CALLS = {
    "ollama.chat": _runs(OllamaChatBody, wire.OllamaChat, examples.OLLAMA_CHATS, piece=wire.OllamaChatPiece),
    "ollama.generate": _runs(GenerateBody, wire.Generated, examples.GENERATED, piece=wire.GeneratedPiece),
    "ollama.embed": _runs(EmbedBody, wire.Embedded, examples.OLLAMA_EMBEDDINGS),
    "ollama.embeddings": _runs(OldEmbeddingBody, wire.OldEmbedding, examples.OLD_OLLAMA_EMBEDDINGS),
    "ollama.tags": _tells(wire.TagList, "The models."),
    "ollama.loaded": _tells(wire.LoadedList, "The models.", BrokerUnavailable),
    "ollama.show": replace(_tells(wire.Shown, "The model.", *_NAMED), bodies=(ShowBody,), examples=examples.SHOWN),
    "ollama.version": _tells(wire.OllamaVersion, "The release."),
    "ollama.pull": replace(
        _PULL,
        answers={200: replace(_PULL.answers[200], lines=wire.Status)},
        bodies=(PullBody,),
        examples=examples.PULLS,
    ),
    **{f"ollama.{call}": _REFUSED for call in ("create", "copy", "push", "delete")},
}
