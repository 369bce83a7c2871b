"""``/v1/rerank`` and its other paths."""

from __future__ import annotations

from dataclasses import replace

from app.endpoints.openai.document import runs
from app.endpoints.openai.rerank.body import RerankBody, TextsBody
from app.endpoints.openai.rerank.wire import RankedText, Ranking
from app.openapi import examples

TAG = "Rerank"
ABOUT = "Documents in the order of their relevance to a query. Each call is a job; `X-Job-Id` is its id."

_RERANK = replace(
    runs(RerankBody, Ranking | list[RankedText], examples.RERANKS, tag=TAG), bodies=(RerankBody, TextsBody)
)

CALLS = {
    "rerank.create": _RERANK,
    "rerank.create_as_well": _RERANK,
    "rerank.create_for_cohere": _RERANK,
}
