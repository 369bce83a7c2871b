"""Calls for embeddings: what is refused, what goes to the worker, what it makes of it, and what comes back."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.endpoints.jobs.body import EmbeddingJobBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from app.endpoints.openai.vectors import embeddings
from app.http.errors import from_validation
from tasks.engine.embedding import Passage
from tasks.engine.fake_embedding import FakeEmbeddingBackend
from tasks.errors import ContextLengthExceeded, InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Job, Operation
from tasks.records.outcome import Outcome
from tasks.worker.embedding_runner import Embedding, passages
from tasks.worker.held import Held
from tests.support.job_records import MakeJob, as_read

ENTRY = ModelEntry(path="x", kind="embedding")
CONTEXT = 16


def body(**fields: Any) -> EmbeddingBody:
    return EmbeddingBody.model_validate({"model": "bert", "input": "Hello", **fields})


# -- the body


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input", ""),
        ("input", []),
        ("input", None),
        ("input", 5),
        ("input", {}),
        ("input", ["a", ""]),
        ("input", ["a", None]),
        ("input", [[]]),
        ("input", [[1], []]),
        ("input", [1, -1]),
        ("input", [2**31]),
        ("input", [1.5]),
        ("input", [True]),
        ("input", [[[1]]]),
        ("input", ["a"] * 2049),
        ("input", [[1]] * 2049),
        ("encoding_format", "int8"),
        ("dimensions", 0),
        ("dimensions", 1.5),
        ("dimensions", "8"),
        ("user", "x" * 513),
        ("stream", True),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_that_names_the_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        body(**{field: value})
    error = from_validation(caught.value)
    assert error.param == field
    assert field in error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        (["a"] * 2048, ["a"] * 2048),
        ([2**31 - 1], [[2**31 - 1]]),
    ],
)
def test_the_forms_of_an_input_are_one_for_the_worker(given: object, read: object) -> None:
    assert body(input=given).request(ENTRY) == {"input": read, "encoding_format": "float"}


def test_what_was_asked_goes_to_the_worker() -> None:
    asked = body(encoding_format="base64", dimensions=4, user="me")
    assert asked.request(ENTRY) == {"input": ["Hello"], "encoding_format": "base64", "dimensions": 4}


def test_a_job_may_have_a_priority_and_a_timeout() -> None:
    job = EmbeddingJobBody.model_validate({"model": "bert", "input": "a", "priority": "low", "timeout": 5})
    assert (job.priority, job.timeout, job.operation) == ("low", 5, Operation.EMBEDDING)


# -- from the job to passages


@pytest.fixture
def backend() -> FakeEmbeddingBackend:
    return FakeEmbeddingBackend(num_slots=4, context=CONTEXT, dimensions=8)


def held(make_job: MakeJob, texts: list[str] | list[list[int]], **request: Any) -> Held:
    return Held(make_job(operation=Operation.EMBEDDING, request={"input": texts, **request}))


def test_texts_and_token_ids_become_passages(make_job: MakeJob, backend: FakeEmbeddingBackend) -> None:
    one = held(make_job, ["ab", "c"])
    assert [(p.job, p.index, p.tokens) for p in passages(one, backend)] == [(one, 0, [97, 98]), (one, 1, [99])]
    assert [p.tokens for p in passages(held(make_job, [[1, 2], [3]]), backend)] == [[1, 2], [3]]


@pytest.mark.parametrize("texts", [["a", "b" * (CONTEXT + 1)], [[1], [1] * (CONTEXT + 1)]])
def test_a_passage_that_is_too_long_is_named(
    make_job: MakeJob, backend: FakeEmbeddingBackend, texts: list[str] | list[list[int]]
) -> None:
    with pytest.raises(ContextLengthExceeded, match=r"length is 16 tokens\. However, input\.1 resulted in") as caught:
        passages(held(make_job, texts), backend)
    assert caught.value.param == "input"
    assert len(passages(held(make_job, ["b" * CONTEXT]), backend)[0].tokens) == CONTEXT


def test_tokens_that_the_vocabulary_does_not_have_are_refused(make_job: MakeJob, backend: FakeEmbeddingBackend) -> None:
    with pytest.raises(InvalidRequest, match="256 tokens, none 256") as caught:
        passages(held(make_job, [[1, 256]]), backend)
    assert caught.value.param == "input"


def test_a_text_without_tokens_is_named(
    make_job: MakeJob, backend: FakeEmbeddingBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "tokenize", lambda text, **_: [] if text == " " else [1])
    with pytest.raises(InvalidRequest, match=r"input\.1 has no tokens") as caught:
        passages(held(make_job, ["a", " "]), backend)
    assert caught.value.param == "input"


def test_more_dimensions_than_the_model_has_are_refused(make_job: MakeJob, backend: FakeEmbeddingBackend) -> None:
    assert passages(held(make_job, ["a"], dimensions=8), backend)
    with pytest.raises(InvalidRequest, match="8 dimensions") as caught:
        passages(held(make_job, ["a"], dimensions=9), backend)
    assert caught.value.param == "dimensions"


def test_the_tokenizer_answers_for_an_embedding_model(make_job: MakeJob, backend: FakeEmbeddingBackend) -> None:
    request = {"content": "ab", "add_special": False, "parse_special": True, "with_pieces": False}
    assert Embedding(backend).answer_small(make_job(request=request)) == {"tokens": [97, 98]}
    assert Embedding(backend).answer_small(make_job(request={"tokens": [97, 98]})) == {"content": "ab", "prompt": "ab"}


# -- from the vectors to the answer


def done(make_job: MakeJob, vectors: list[list[float]], **request: Any) -> tuple[Job, Outcome]:
    """A job whose passages have these vectors, and its outcome as it went through the ledger."""
    job = held(make_job, ["x"] * len(vectors), **request)
    job.claimed_at = 5.0
    job.passages = [
        Passage(job, at, [1, 2, 3], np.array(vector, np.float32), started_at=6.0 + at, ended_at=7.0 + at)
        for at, vector in enumerate(vectors)
    ]
    return job.job, Outcome.decode(job.outcome().encode())


VECTORS = [[0.6, 0.8, 0.0], [1 / 3, 2 / 3, -2 / 3]]


def test_the_answer_is_openais(make_job: MakeJob) -> None:
    answer = embeddings(*done(make_job, VECTORS))
    assert answer["object"] == "list"
    assert answer["model"] == "demo"
    assert answer["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    assert [(one["object"], one["index"]) for one in answer["data"]] == [("embedding", 0), ("embedding", 1)]
    assert [one["embedding"] for one in answer["data"]] == np.array(VECTORS, np.float32).tolist()


def test_base64_holds_the_same_numbers(make_job: MakeJob) -> None:
    answer = as_read(embeddings(*done(make_job, VECTORS, encoding_format="base64")))
    read = [np.frombuffer(base64.b64decode(one["embedding"]), "<f4").tolist() for one in answer["data"]]
    assert read == np.array(VECTORS, np.float32).tolist()


def test_fewer_dimensions_are_the_first_ones_at_length_1(make_job: MakeJob) -> None:
    (one, other) = embeddings(*done(make_job, VECTORS, dimensions=2))["data"]
    assert one["embedding"] == pytest.approx([0.6, 0.8])
    assert other["embedding"] == pytest.approx([1 / 5**0.5, 2 / 5**0.5])


def test_times_are_those_of_the_passages(make_job: MakeJob) -> None:
    _, outcome = done(make_job, VECTORS)
    assert outcome.timings is not None
    assert (outcome.timings.queue_seconds, outcome.timings.prefill_seconds) == (1.0, 2.0)
    assert (outcome.timings.decode_seconds, outcome.timings.tokens_per_second) == (0.0, None)
