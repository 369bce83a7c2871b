"""Cohere's package puts documents in order: `with_cohere.py URL`."""

from __future__ import annotations

import json
import sys

import cohere

QUERY = "what is the capital of france"
DOCUMENTS = ["tell me a story", "the capital", "llama", "a llama was kind"]


def main() -> None:
    url = sys.argv[1]
    client = cohere.ClientV2("none", base_url=url)
    ranked = client.rerank(model="ranker", query=QUERY, documents=DOCUMENTS, top_n=3)
    older = cohere.Client("none", base_url=url).rerank(
        model="ranker", query=QUERY, documents=DOCUMENTS, return_documents=True
    )
    try:
        client.rerank(model="ranker", query=QUERY, documents=["capital " * 2000])
        refused = ""
    except cohere.BadRequestError as exc:
        refused = exc.body["error"]["code"]
    seen = {
        "ranked": [[each.index, each.relevance_score] for each in ranked.results],
        "older": [[each.index, each.document.text] for each in older.results],
        "refused": refused,
    }
    print(json.dumps(seen))


main()
