"""Calls for scores: what is refused, what goes to the worker, what it makes of it, and what comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.access.token_estimate import tokens
from app.bodies.unused import unused
from app.endpoints.jobs.body import RerankJobBody
from app.endpoints.openai.rerank.body import MOST_DOCUMENTS, RerankBody, TextsBody
from app.endpoints.openai.rerank.view import ranked_texts
from app.endpoints.openai.result import result
from app.http.errors import from_validation
from tasks.engine.embedding import Passage
from tasks.engine.fake_rerank import FakeRerankBackend
from tasks.errors import ContextLengthExceeded, InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Job, Operation
from tasks.records.outcome import Outcome
from tasks.worker.held import Held
from tasks.worker.rerank_runner import Rerank, pairs
from tests.support.job_records import MakeJob, as_read

ENTRY = ModelEntry(path="x", kind="rerank")
CONTEXT = 16


def body(**fields: Any) -> RerankBody:
    return RerankBody.model_validate({"model": "r", "query": "q", "documents": ["a", "b"], **fields})


# -- the body


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("query", ""),
        ("query", 5),
        ("query", ["q"]),
        ("documents", []),
        ("documents", "a"),
        ("documents", ["a", 1]),
        ("documents", ["a", None]),
        ("documents", [{"text": 1}]),
        ("documents", [{"text": "a", "title": "b"}]),
        ("documents", [{}]),
        ("documents", [["a"]]),
        ("documents", ["a"] * (MOST_DOCUMENTS + 1)),
        ("top_n", 0),
        ("top_n", "2"),
        ("return_documents", "yes"),
        ("stream", True),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_that_names_the_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        body(**{field: value})
    error = from_validation(caught.value)
    assert str(error.param).partition(".")[0] == field
    assert field in error.message
    assert "\n" not in error.message
    assert "{{" not in error.message


def test_documents_are_texts_for_the_worker() -> None:
    asked = body(documents=["a", {"text": "b"}, ""], top_n=2, return_documents=True)
    assert asked.request(ENTRY) == {
        "query": "q", "documents": ["a", "b", ""], "top_n": 2, "return_documents": True,
    }  # fmt: skip
    assert body().request(ENTRY) == {"query": "q", "documents": ["a", "b"]}


def test_the_form_of_text_embeddings_inference_becomes_the_same_request() -> None:
    asked = TextsBody.model_validate(
        {"query": "q", "texts": ["a"], "return_text": True, "raw_scores": False, "truncate": True}
    )
    assert asked.request(ENTRY) == {"query": "q", "documents": ["a"], "return_documents": True}
    assert sorted(unused(asked)) == ["raw_scores", "truncate"]


def test_what_cohere_s_client_may_send_is_taken_and_named() -> None:
    asked = body(max_tokens_per_doc=512, rank_fields=["text"], max_chunks_per_doc=10, priority=0)
    assert sorted(unused(asked)) == ["max_chunks_per_doc", "max_tokens_per_doc", "rank_fields"]


def test_a_job_may_have_a_priority_and_a_timeout() -> None:
    job = RerankJobBody.model_validate({"query": "q", "documents": ["a"], "priority": "low", "timeout": 5})
    assert (job.priority, job.timeout, job.operation) == ("low", 5, Operation.RERANK)


def test_the_query_counts_with_each_document(make_job: MakeJob) -> None:
    request = {"query": "x" * 40, "documents": ["y" * 20, "z" * 4]}
    assert tokens(make_job(operation=Operation.RERANK, request=request), 512) == 10 + 5 + 10 + 1


def test_a_worker_of_the_release_before_leaves_it_alone(make_job: MakeJob) -> None:
    assert make_job(operation=Operation.RERANK, request={"query": "q", "documents": ["a"]}).encode()["v"] == "2"


# -- from the job to pairs


@pytest.fixture
def backend() -> FakeRerankBackend:
    return FakeRerankBackend(num_slots=4, context=CONTEXT)


def held(make_job: MakeJob, documents: list[str], query: str = "q", **request: Any) -> Held:
    asked = {"query": query, "documents": documents, **request}
    return Held(make_job(operation=Operation.RERANK, request=asked))


def test_each_document_is_a_pair_with_the_query(make_job: MakeJob, backend: FakeRerankBackend) -> None:
    one = held(make_job, ["ab", ""])
    found = [(each.job, each.index, bytes(each.tokens)) for each in pairs(one, backend)]
    assert found == [(one, 0, b"q\0ab"), (one, 1, b"q\0")]
    assert Rerank(backend).num_parts(one.job) == 2


def test_a_pair_that_is_too_long_is_named(make_job: MakeJob, backend: FakeRerankBackend) -> None:
    assert pairs(held(make_job, ["a" * (CONTEXT - 2)]), backend)
    with pytest.raises(ContextLengthExceeded, match=r"documents\.1 with the query resulted in 17 tokens") as caught:
        pairs(held(make_job, ["a", "a" * (CONTEXT - 1)]), backend)
    assert caught.value.param == "documents"


@pytest.mark.parametrize(
    ("query", "documents", "param"), [("q" * 17, ["a"], "query"), ("q", ["a", "b" * 17], "documents")]
)
def test_a_text_that_cannot_fit_is_refused_before_it_is_tokenised(
    make_job: MakeJob, backend: FakeRerankBackend, query: str, documents: list[str], param: str
) -> None:
    with pytest.raises(ContextLengthExceeded, match="at least 17 tokens") as caught:
        pairs(held(make_job, documents, query), backend)
    assert caught.value.param == param


def test_a_pair_without_tokens_is_named(
    make_job: MakeJob, backend: FakeRerankBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "pairs", lambda query, documents: iter([[1], []]))
    with pytest.raises(InvalidRequest, match=r"documents\.1 with the query has no tokens") as caught:
        pairs(held(make_job, ["a", "b"]), backend)
    assert caught.value.param == "documents"


# -- from the scores to the answer


def done(make_job: MakeJob, scores: list[float], **request: Any) -> Job:
    """A job whose pairs have these scores, as it went through the ledger."""
    job = held(make_job, [f"text {number}" for number in range(len(scores))], **request)
    job.passages = [
        Passage(job, at, [1, 2, 3], np.array([score], np.float32), started_at=6.0, ended_at=7.0)
        for at, score in enumerate(scores)
    ]
    outcome = Outcome.decode(job.outcome().encode())
    return make_job(operation=Operation.RERANK, request=job.job.request, outcome=outcome)


def test_the_most_relevant_comes_first_and_of_equal_ones_the_earlier(make_job: MakeJob) -> None:
    answer = as_read(result(done(make_job, [0.5, -2.0, 3.25, 0.5])))
    assert answer == {
        "object": "list",
        "model": "demo",
        "results": [
            {"index": 2, "relevance_score": 3.25},
            {"index": 0, "relevance_score": 0.5},
            {"index": 3, "relevance_score": 0.5},
            {"index": 1, "relevance_score": -2.0},
        ],
        "usage": {"prompt_tokens": 12, "total_tokens": 12},
    }


def test_as_many_are_told_as_are_asked_for_with_their_texts(make_job: MakeJob) -> None:
    answer = as_read(result(done(make_job, [0.0, 1.0], top_n=1, return_documents=True)))
    assert answer["results"] == [{"index": 1, "relevance_score": 1.0, "document": {"text": "text 1"}}]
    assert answer["usage"]["prompt_tokens"] == 6, "all were read"
    assert len(as_read(result(done(make_job, [0.0, 1.0], top_n=9)))["results"]) == 2


def test_the_other_form_is_a_bare_list(make_job: MakeJob) -> None:
    job = done(make_job, [0.0, 1.0], return_documents=True)
    assert job.outcome is not None
    assert ranked_texts(job, job.outcome) == [
        {"index": 1, "score": 1.0, "text": "text 1"},
        {"index": 0, "score": 0.0, "text": "text 0"},
    ]
