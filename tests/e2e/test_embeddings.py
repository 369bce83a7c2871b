"""Embeddings through the `openai` package, unmodified, against a real cluster with a model of each kind."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator

import numpy as np
import openai
import pytest

from tests.support import tiny_models
from tests.support.cluster import Cluster
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 4, context: 512}
  bert: {path: bert.gguf, kind: embedding}
  decoder: {path: last_of_llama.gguf, kind: embedding, slots: 5, context: 256}
  unpooled: {path: bert.gguf, kind: embedding, pooling: none}
"""
NEAR = 5e-4
"""How far numbers may lie from those of another batch: see tests/model/test_llama_embedding.py."""
TEXTS = ["tell me a story", "what is the capital of france", "llama"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("embeddings")
    for kind in ("bert", "last_of_llama"):
        tiny_models.write_embedding(kind, folder)
    running = Cluster(folder, models=MODELS)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def vectors(answer: openai.types.CreateEmbeddingResponse) -> list[list[float]]:
    assert [one.index for one in answer.data] == list(range(len(answer.data)))
    return [one.embedding for one in answer.data]


def spelt(number: int) -> str:
    """A number in letters, since the model's vocabulary has no digits."""
    return " ".join("abcdefghij"[int(digit)] for digit in str(number))


@pytest.mark.parametrize("model", ["bert", "decoder"])
def test_texts_have_the_vectors_together_that_they_have_alone(client: openai.OpenAI, model: str) -> None:
    answer = client.embeddings.create(model=model, input=TEXTS)
    assert answer.model == model
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > len(TEXTS)
    together = vectors(answer)
    for text, vector in zip(TEXTS, together, strict=True):
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
        (alone,) = vectors(client.embeddings.create(model=model, input=text))
        assert vector == pytest.approx(alone, abs=NEAR)


def test_floats_and_base64_are_the_same_numbers(client: openai.OpenAI, cluster: Cluster) -> None:
    """The client asks for base64 if it is not told otherwise, and decodes it."""
    floats = vectors(client.embeddings.create(model="bert", input=TEXTS, encoding_format="float"))
    assert vectors(client.embeddings.create(model="bert", input=TEXTS)) == floats
    body = {"model": "bert", "input": TEXTS, "encoding_format": "base64"}
    sent = cluster.http.post("/v1/embeddings", json=body).json()["data"]
    assert [np.frombuffer(base64.b64decode(one["embedding"]), "<f4").tolist() for one in sent] == floats


def test_fewer_dimensions_are_the_first_ones(client: openai.OpenAI) -> None:
    (whole,) = vectors(client.embeddings.create(model="bert", input="llama"))
    (cut,) = vectors(client.embeddings.create(model="bert", input="llama", dimensions=8))
    assert cut == pytest.approx((np.array(whole[:8]) / np.linalg.norm(whole[:8])).tolist())
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="bert", input="llama", dimensions=len(whole) + 1)
    assert refused.value.param == "dimensions"
    assert str(len(whole)) in refused.value.message


def test_token_ids_are_taken_as_they_are(client: openai.OpenAI, cluster: Cluster) -> None:
    body = {"model": "bert", "content": TEXTS[0], "add_special": True}
    tokens = cluster.http.post("/tokenize", json=body).json()["tokens"]
    (text,) = vectors(client.embeddings.create(model="bert", input=TEXTS[0]))
    (ids,) = vectors(client.embeddings.create(model="bert", input=tokens))
    first, second = vectors(client.embeddings.create(model="bert", input=[tokens, tokens[:-1]]))
    assert ids == pytest.approx(text, abs=NEAR)
    assert first == pytest.approx(text, abs=NEAR)
    assert second != pytest.approx(text, abs=NEAR)


def test_a_passage_that_is_too_long_is_a_400_that_names_it(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="bert", input=["llama", "llama " * 200])
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")
    assert "input.1 resulted in 202 tokens" in refused.value.message


@pytest.mark.parametrize("text", ["", [], ["llama", ""], [[]], [-1]])
def test_an_input_that_is_none_is_refused(client: openai.OpenAI, text: list[int]) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="bert", input=text)
    assert refused.value.param == "input"


def test_each_kind_of_model_says_which_kind_a_call_needs(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="needs one of kind 'generative'"):
        client.chat.completions.create(model="bert", messages=[{"role": "user", "content": "x"}])
    with pytest.raises(openai.BadRequestError, match="needs one of kind 'embedding'") as refused:
        client.embeddings.create(model="demo", input="x")
    assert refused.value.param == "model"


def test_a_job_has_its_vectors_as_its_result(cluster: Cluster) -> None:
    accepted = cluster.submit({"model": "bert", "input": TEXTS, "dimensions": 4, "metadata": {"run": "a"}})
    assert accepted["operation"] == "embedding"
    job = cluster.job(accepted["id"], wait=20)
    assert (job["status"], job["metadata"]) == ("succeeded", {"run": "a"})
    assert [len(one["embedding"]) for one in job["result"]["data"]] == [4, 4, 4]
    assert job["usage"]["prompt_tokens"] == job["result"]["usage"]["prompt_tokens"]
    assert job["timings"]["prefill_seconds"] > 0


def test_a_big_input_outlives_its_worker(cluster: Cluster, client: openai.OpenAI) -> None:
    texts = [f"{spelt(number)} {tiny_models.WORDS * 2}" for number in range(2048)]
    job = cluster.submit({"model": "bert", "input": texts})
    until(lambda: cluster.job(job["id"])["status"] == "running")
    os.kill(cluster.pid_of("bert-1"), signal.SIGKILL)
    done = cluster.job(job["id"], wait=60)
    assert (done["status"], done["attempt"]) == ("succeeded", 2)
    found = [one["embedding"] for one in done["result"]["data"]]
    assert len(found) == len(texts)
    for number in (0, 1000, 2047):
        (alone,) = vectors(client.embeddings.create(model="bert", input=texts[number]))
        assert found[number] == pytest.approx(alone, abs=NEAR)


def test_small_jobs_are_answered_beside_one_another(cluster: Cluster) -> None:
    accepted = [cluster.submit({"model": "bert", "input": f"llama {spelt(number)}"})["id"] for number in range(30)]
    jobs = [cluster.job(job_id, wait=30) for job_id in accepted]
    assert {job["status"] for job in jobs} == {"succeeded"}
    assert len({tuple(job["result"]["data"][0]["embedding"]) for job in jobs}) == 30


def test_the_models_page_tells_of_it(cluster: Cluster) -> None:
    models = {model["id"]: model for model in cluster.http.get("/models").json()["data"]}
    assert (models["bert"]["state"], models["decoder"]["slots"]) == ("loaded", 5)


def test_llama_servers_call_and_inputs_give_the_same_vectors(client: openai.OpenAI, cluster: Cluster) -> None:
    (asked,) = vectors(client.embeddings.create(model="bert", input=TEXTS[0]))
    parts = [{"type": "text", "text": "tell me "}, {"type": "text", "text": "a story"}]
    sent = {"model": "bert", "content": [TEXTS[0], {"prompt_string": TEXTS[0]}, {"content": parts}, [7, "me", 8]]}
    first, *others, mixed = cluster.http.post("/embeddings", json=sent).json()
    assert first["embedding"] == [pytest.approx(asked, abs=NEAR)]
    assert [(each["index"], each["embedding"]) for each in others] == [
        (number, [pytest.approx(asked, abs=NEAR)]) for number in (1, 2)
    ]
    assert len(mixed["embedding"][0]) == len(asked)
    assert cluster.http.post("/embedding", json={**sent, "embd_normalize": -1}).status_code == 400


def test_without_pooling_a_text_has_the_vectors_of_its_tokens(cluster: Cluster, client: openai.OpenAI) -> None:
    made = cluster.http.post("/embedding", json={"model": "unpooled", "content": ["llama", "the llama"]}).json()
    assert [(each["index"], len(each["embedding"])) for each in made] == [(0, 3), (1, 4)], "with [CLS] and [SEP]"
    (pooled,) = vectors(client.embeddings.create(model="bert", input="llama", encoding_format="float"))
    mean = np.mean(made[0]["embedding"], axis=0)
    assert (mean / np.linalg.norm(mean)).tolist() == pytest.approx(pooled, abs=NEAR)
    coded = cluster.http.post("/embedding", json={"model": "unpooled", "input": "llama", "encoding_format": "base64"})
    assert np.frombuffer(base64.b64decode(coded.json()[0]["embedding"][2]), "<f4").tolist() == pytest.approx(
        made[0]["embedding"][2], abs=NEAR
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"input": "llama"}),
        ("/jobs", {"input": "llama"}),
        ("/api/embed", {"input": "llama"}),
        ("/api/embeddings", {"prompt": "llama"}),
        ("/embedding", {"input": "llama", "dimensions": 8}),
    ],
)
def test_a_call_that_has_no_place_for_them_is_refused(cluster: Cluster, path: str, body: dict[str, object]) -> None:
    refused = cluster.http.post(path, json={"model": "unpooled", **body})
    assert refused.status_code == 400, refused.text
    assert "pooling: none" in refused.text


def test_more_than_a_result_may_hold_is_refused(cluster: Cluster) -> None:
    words = f"{tiny_models.WORDS} " * 3
    refused = cluster.http.post("/embedding", json={"model": "unpooled", "input": [words] * 600})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input")
    assert "2097152 is the most" in refused.json()["error"]["message"]
