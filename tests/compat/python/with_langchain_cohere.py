"""LangChain's reranker of Cohere's interface: `with_langchain_cohere.py URL`."""

from __future__ import annotations

import json
import sys

import cohere
from langchain_cohere import CohereRerank
from langchain_core.documents import Document

QUERY = "what is the capital of france"
DOCUMENTS = ["tell me a story", "the capital", "llama", "a llama was kind"]


def main() -> None:
    client = cohere.ClientV2("none", base_url=sys.argv[1])
    reranker = CohereRerank(client=client, model="ranker", top_n=2)
    kept = reranker.compress_documents([Document(page_content=text) for text in DOCUMENTS], QUERY)
    seen = [[each.page_content, each.metadata["relevance_score"]] for each in kept]
    print(json.dumps({"kept": seen}))


main()
