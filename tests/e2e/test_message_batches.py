"""Anthropic's Message Batches by the official `anthropic` package, unmodified, through a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.support.cluster import Cluster
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192}
  slow: {path: fake, slots: 2, context: 512}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("message-batches"), models=MODELS, env={"CARAVAN_THREADS": "1"})
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.fixture
def client(cluster: Cluster) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=cluster.url, api_key="none", max_retries=0) as client:
        yield client


def asked(custom_id: str, text: str, **params: Any) -> Any:
    said = [{"role": "user", "content": text}]
    return {
        "custom_id": custom_id,
        "params": {"model": "demo", "max_tokens": 64, "messages": said, "temperature": 0, **params},
    }


def slow(number: int) -> Any:
    return asked(f"slow-{number}", f"x{number}", model="slow", max_tokens=200)


def ended(client: anthropic.Anthropic, batch_id: str) -> Any:
    until(
        lambda: client.messages.batches.retrieve(batch_id).processing_status == "ended", seconds=90, what="it has ended"
    )
    return client.messages.batches.retrieve(batch_id)


def test_a_batch_answers_each_request_and_tells_of_those_that_are_wrong(client: anthropic.Anthropic) -> None:
    batches = client.messages.batches
    made = batches.create(
        requests=[
            asked("sum", "What is 12 + 7?"),
            asked("streamed", "What is 12 + 7?", stream=True),
            asked("peru", "What is the capital of Peru?"),
            asked("odd", "Hi", no_such_field=1),
            asked("long", "word " * 2000),
        ]
    )
    assert (made.type, made.processing_status, made.results_url) == ("message_batch", "in_progress", None)
    counts = made.request_counts
    assert counts.processing + counts.succeeded + counts.errored == 5
    assert made.created_at < made.expires_at
    batch = ended(client, made.id)
    counts = batch.request_counts
    assert (counts.processing, counts.succeeded, counts.errored, counts.canceled, counts.expired) == (0, 2, 3, 0, 0)
    assert batch.ended_at is not None
    found = {each.custom_id: each.result for each in batches.results(made.id)}
    assert set(found) == {"sum", "streamed", "peru", "odd", "long"}
    texts = {name: each.message.content[0].text for name, each in found.items() if each.type == "succeeded"}  # type: ignore[union-attr]
    assert texts == {"sum": "12 + 7 = 19.", "peru": "The capital of Peru is Lima."}
    message = found["sum"].message  # type: ignore[union-attr]
    assert (message.type, message.role, message.model, message.stop_reason) == (
        "message",
        "assistant",
        "demo",
        "end_turn",
    )
    assert (message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0), message.usage.output_tokens) == (
        14,
        7,
    )
    errors = {name: each.error for name, each in found.items() if each.type == "errored"}
    assert {each.error.type for each in errors.values()} == {"invalid_request_error"}
    assert "no_such_field" in errors["odd"].error.message
    assert errors["long"].error.message.startswith("prompt is too long: ")
    assert "stream" in errors["streamed"].error.message


def test_a_batch_that_is_cancelled_keeps_what_it_has_and_can_be_deleted_then(
    client: anthropic.Anthropic, cluster: Cluster
) -> None:
    batches = client.messages.batches
    made = batches.create(requests=[slow(number) for number in range(40)])
    early = cluster.http.get(f"/v1/messages/batches/{made.id}/results")
    assert (early.status_code, early.json()["error"]["type"]) == (409, "invalid_request_error")
    with pytest.raises(anthropic.ConflictError):
        batches.delete(made.id)
    until(lambda: batches.retrieve(made.id).request_counts.succeeded, seconds=60, what="one is answered")
    cancelled = batches.cancel(made.id)
    assert cancelled.cancel_initiated_at is not None
    assert cancelled.processing_status in ("canceling", "ended")
    batch = ended(client, made.id)
    counts = batch.request_counts
    assert counts.succeeded + counts.canceled == 40
    assert counts.succeeded
    assert counts.canceled
    kinds = [each.result.type for each in batches.results(made.id)]
    assert (kinds.count("succeeded"), kinds.count("canceled")) == (counts.succeeded, counts.canceled)
    with pytest.raises(anthropic.ConflictError, match=f"'{made.id}' is cancelled"):
        batches.cancel(made.id)
    files = len(cluster.http.get("/v1/files").json()["data"])
    assert batches.delete(made.id).type == "message_batch_deleted"
    assert len(cluster.http.get("/v1/files").json()["data"]) == files - 3
    for call in (batches.retrieve, batches.cancel, batches.delete, batches.results):
        with pytest.raises(anthropic.NotFoundError, match=f"'{made.id}'"):
            call(made.id)


def test_a_batch_of_an_upload_is_deleted_without_the_upload(client: anthropic.Anthropic, cluster: Cluster) -> None:
    params = {**asked("a", "What is 3 + 1?")["params"]}
    line = json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/messages", "body": params})
    upload = {"file": ("message_batch.jsonl", line.encode())}
    file = cluster.http.post("/v1/files", files=upload, data={"purpose": "batch"}).json()
    body = {"input_file_id": file["id"], "endpoint": "/v1/messages", "completion_window": "24h"}
    made = cluster.http.post("/v1/batches", json=body).json()["id"].replace("batch_", "msgbatch_")
    assert ended(client, made).request_counts.succeeded == 1
    assert client.messages.batches.delete(made).id == made
    assert cluster.http.get(f"/v1/files/{file['id']}").status_code == 200


def test_batches_are_listed_newest_first_a_page_at_a_time(client: anthropic.Anthropic, cluster: Cluster) -> None:
    batches = client.messages.batches
    ids = [batches.create(requests=[asked("a", f"What is {number} + 1?")]).id for number in range(5)][::-1]
    listed = [batch.id for batch in batches.list(limit=2)]
    assert listed[:5] == ids
    page = batches.list(limit=2, before_id=ids[3])
    assert ([batch.id for batch in page.data], page.has_more) == (ids[1:3], True)
    assert [batch.id for batch in batches.list(limit=2, before_id=ids[4])][:4] == [ids[2], ids[3], ids[0], ids[1]]
    assert [batch.id for batch in batches.list(limit=20, after_id=ids[3]).data][:1] == [ids[4]]
    with pytest.raises(anthropic.BadRequestError, match="after_id"):
        batches.list(after_id="msgbatch_x")
    shown = cluster.http.get(f"/v1/batches/{ids[0].replace('msgbatch_', 'batch_')}").json()
    assert shown["endpoint"] == "/v1/messages"
    for made in ids:
        ended(client, made)


@pytest.mark.parametrize(
    ("requests", "told"),
    [
        ([], "requests"),
        ([asked("a", "x"), asked("a", "y")], "requests.1.custom_id"),
        ([asked("a b", "x")], "requests.0.custom_id"),
        ([asked("a", "x"), asked("b", "x", model="nope")], "There is no model 'nope'"),
        ([asked("a", "x", model=7)], "requests.0.params.model"),
        ([{"custom_id": "a"}], "requests.0.params"),
    ],
)
def test_what_is_wrong_before_any_is_run_is_refused_and_leaves_nothing(
    client: anthropic.Anthropic, cluster: Cluster, requests: Any, told: str
) -> None:
    files = len(cluster.http.get("/v1/files").json()["data"])
    with pytest.raises(anthropic.APIStatusError) as refused:
        client.messages.batches.create(requests=requests)
    assert refused.value.status_code in (400, 404)
    assert refused.value.body["type"] == "error"  # type: ignore[index]
    assert told in str(refused.value)
    assert len(cluster.http.get("/v1/files").json()["data"]) == files
