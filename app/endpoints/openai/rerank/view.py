"""Ended jobs as rankings. Pure functions."""

from __future__ import annotations

from app.endpoints.openai.rerank.wire import Ranked, RankedText, Ranking
from app.endpoints.openai.vectors import tokens_read
from tasks.records.job import Job
from tasks.records.outcome import Outcome


def ranking(job: Job, outcome: Outcome) -> Ranking:
    """The documents in the form of Jina and Cohere, the best first."""
    return {
        "object": "list",
        "model": job.model,
        "results": [_ranked(job, outcome, index) for index in _best(job, outcome)],
        "usage": tokens_read(outcome.usage),
    }


def ranked_texts(job: Job, outcome: Outcome) -> list[RankedText]:
    """The same in the form of Text Embeddings Inference."""
    made: list[RankedText] = []
    for index in _best(job, outcome):
        one: RankedText = {"index": index, "score": outcome.data["scores"][index]}
        if job.request.get("return_documents"):
            one["text"] = job.request["documents"][index]
        made.append(one)
    return made


def _ranked(job: Job, outcome: Outcome, index: int) -> Ranked:
    one: Ranked = {"index": index, "relevance_score": outcome.data["scores"][index]}
    if job.request.get("return_documents"):
        one["document"] = {"text": job.request["documents"][index]}
    return one


def _best(job: Job, outcome: Outcome) -> list[int]:
    """The places of the documents that are told, by score; of equal ones the first in the request comes first."""
    scores = outcome.data["scores"]
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    return order[: job.request.get("top_n")]
