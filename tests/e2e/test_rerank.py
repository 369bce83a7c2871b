"""Scores of documents, in the forms of Jina, Cohere and Text Embeddings Inference, against a real cluster."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from caravan_client import Client
from caravan_client.errors import InvalidRequest
from tests.support import tiny_models
from tests.support.cluster import Cluster
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 4, context: 512}
  cross: {path: cross_encoder.gguf, kind: rerank}
  judge: {path: judge.gguf, kind: rerank, slots: 5, context: 256}
"""
QUERY = "what is the capital of france"
DOCUMENTS = ["tell me a story", "the capital", "llama", "a llama was kind"]
NEAR = 2e-2
"""How far a score may lie from that of another batch: see tests/model/test_llama_rerank.py."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("rerank")
    for kind in tiny_models.RERANK_KINDS:
        tiny_models.write_rerank(kind, folder)
    running = Cluster(folder, models=MODELS)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def asked(cluster: Cluster, path: str = "/v1/rerank", **fields: Any) -> Any:
    body = {"model": "cross", "query": QUERY, "documents": DOCUMENTS, **fields}
    response = cluster.http.post(path, json={name: value for name, value in body.items() if value is not None})
    assert response.status_code == 200, response.text
    return response.json()


def scores(answer: Any) -> dict[int, float]:
    return {each["index"]: each["relevance_score"] for each in answer["results"]}


def spelt(number: int) -> str:
    """A number in letters, since the model's vocabulary has no digits."""
    return " ".join("abcdefghij"[int(digit)] for digit in str(number))


@pytest.mark.parametrize("model", ["cross", "judge"])
def test_documents_come_in_the_order_of_their_scores(cluster: Cluster, model: str) -> None:
    answer = asked(cluster, model=model)
    assert (answer["object"], answer["model"]) == ("list", model)
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > len(DOCUMENTS)
    told = [each["relevance_score"] for each in answer["results"]]
    assert told == sorted(told, reverse=True)
    assert sorted(each["index"] for each in answer["results"]) == [0, 1, 2, 3]
    for index, document in enumerate(DOCUMENTS):
        alone = asked(cluster, model=model, documents=[document])
        assert alone["results"][0]["relevance_score"] == pytest.approx(scores(answer)[index], abs=NEAR)


@pytest.mark.parametrize("path", ["/rerank", "/reranking", "/v1/rerank", "/v1/reranking", "/v2/rerank"])
def test_every_path_answers(cluster: Cluster, path: str) -> None:
    answer = asked(cluster, path, documents=[{"text": text} for text in DOCUMENTS], top_n=2, return_documents=True)
    assert len(answer["results"]) == 2
    assert [each["document"]["text"] for each in answer["results"]] == [
        DOCUMENTS[each["index"]] for each in answer["results"]
    ]


def test_text_embeddings_inferences_form_is_a_list(cluster: Cluster) -> None:
    expected = [(each["index"], pytest.approx(each["relevance_score"], abs=NEAR)) for each in asked(cluster)["results"]]
    answer = asked(cluster, "/rerank", documents=None, texts=DOCUMENTS, return_text=True, raw_scores=True)
    assert [(each["index"], each["score"]) for each in answer] == expected
    assert [each["text"] for each in answer] == [DOCUMENTS[each["index"]] for each in answer]


def test_the_only_reranker_need_not_be_named_but_one_of_two_has_to(cluster: Cluster) -> None:
    refused = cluster.http.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS})
    assert refused.status_code == 400
    assert "needs a model of kind 'rerank'" in refused.text


def test_each_kind_of_model_says_which_kind_a_call_needs(cluster: Cluster) -> None:
    for model, path, body in (
        ("demo", "/v1/rerank", {"query": QUERY, "documents": DOCUMENTS}),
        ("cross", "/v1/embeddings", {"input": QUERY}),
    ):
        refused = cluster.http.post(path, json={"model": model, **body})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "model"), refused.text
        assert "needs one of kind" in refused.text


def test_a_document_that_is_too_long_is_a_400_that_names_it(cluster: Cluster) -> None:
    body = {"model": "cross", "query": QUERY, "documents": ["llama", "llama " * 200]}
    refused = cluster.http.post("/v1/rerank", json=body)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", "documents")
    assert "documents.1 with the query resulted in 208 tokens" in error["message"]


def test_a_job_has_its_ranking_as_its_result(cluster: Cluster) -> None:
    body = {"model": "cross", "query": QUERY, "documents": DOCUMENTS, "top_n": 3, "metadata": {"run": "a"}}
    accepted = cluster.submit(body)
    assert accepted["operation"] == "rerank"
    job = cluster.job(accepted["id"], wait=20)
    assert (job["status"], job["metadata"]) == ("succeeded", {"run": "a"})
    assert len(job["result"]["results"]) == 3
    assert job["usage"]["prompt_tokens"] == job["result"]["usage"]["prompt_tokens"]


def test_the_client_gives_places_and_scores(cluster: Cluster) -> None:
    expected = [each["index"] for each in asked(cluster, top_n=2)["results"]]
    with Client(cluster.url) as caravan:
        ranked = caravan.rerank(QUERY, DOCUMENTS, top_n=2, model="cross")
        assert [each.index for each in ranked] == expected
        with pytest.raises(InvalidRequest):
            caravan.rerank("", DOCUMENTS, model="cross")


def test_many_documents_outlive_their_worker(cluster: Cluster) -> None:
    documents = [f"{spelt(number)} {tiny_models.WORDS}" for number in range(2048)]
    job = cluster.submit({"model": "cross", "query": QUERY, "documents": documents})
    until(lambda: cluster.job(job["id"])["status"] == "running")
    os.kill(cluster.pid_of("cross-1"), signal.SIGKILL)
    done = cluster.job(job["id"], wait=60)
    assert (done["status"], done["attempt"]) == ("succeeded", 2)
    found = scores(done["result"])
    assert sorted(found) == list(range(2048))
    for number in (0, 1000, 2047):
        (alone,) = asked(cluster, documents=[documents[number]])["results"]
        assert found[number] == pytest.approx(alone["relevance_score"], abs=NEAR)


def test_the_tokenizer_answers_for_it(cluster: Cluster) -> None:
    assert cluster.http.post("/tokenize", json={"model": "cross", "content": "llama"}).json()["tokens"]


@pytest.mark.parametrize(
    "body",
    [
        {"documents": DOCUMENTS},
        {"query": "", "documents": DOCUMENTS},
        {"query": QUERY},
        {"query": QUERY, "documents": []},
        {"query": QUERY, "documents": [{"title": "a"}]},
        {"query": QUERY, "documents": DOCUMENTS, "top_n": -1},
        {"query": QUERY, "documents": DOCUMENTS, "texts": DOCUMENTS},
        {"query": "\ud800", "documents": DOCUMENTS},
        {"query": QUERY, "documents": ["\ud800"]},
    ],
)
def test_a_body_that_makes_no_sense_is_a_400(cluster: Cluster, body: dict[str, Any]) -> None:
    refused = cluster.http.post("/v1/rerank", content=json.dumps({"model": "cross", **body}))
    assert refused.status_code == 400, refused.text
