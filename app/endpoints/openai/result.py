"""What a job that succeeded gives: the answer of its operation's endpoint."""

from __future__ import annotations

from typing import cast

from app.endpoints.openai.completion import chat_completion, completion
from app.endpoints.openai.rerank.view import ranking
from app.endpoints.openai.rerank.wire import Ranking
from app.endpoints.openai.responses.response import response
from app.endpoints.openai.responses.wire import ResponseObject
from app.endpoints.openai.token_wire import RenderedPrompt, TokenCount, TokenizerInfo, TokenList, TokensText
from app.endpoints.openai.vectors import embeddings
from app.endpoints.openai.wire import ChatCompletion, Completion, EmbeddingList
from tasks.records.job import Job, Operation

Result = (
    ChatCompletion
    | Completion
    | ResponseObject
    | EmbeddingList
    | Ranking
    | TokenList
    | TokensText
    | TokenizerInfo
    | RenderedPrompt
    | TokenCount
)


def result(job: Job) -> Result | None:
    """The object that the ``/v1`` endpoint answers with; None for a job that did not succeed."""
    if job.outcome is None:
        return None
    match job.operation:
        case Operation.CHAT:
            return chat_completion(job, job.outcome)
        case Operation.COMPLETION:
            return completion(job, job.outcome)
        case Operation.RESPONSE:
            return response(job)
        case Operation.EMBEDDING:
            return embeddings(job, job.outcome)
        case Operation.RERANK:
            return ranking(job, job.outcome)
        case _:  # as the worker's tokenizer or template answered
            return cast("TokenList | TokensText | TokenizerInfo | RenderedPrompt | TokenCount", dict(job.outcome.data))
