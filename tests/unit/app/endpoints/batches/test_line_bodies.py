"""The bodies of a batch's lines, as jobs."""

from __future__ import annotations

from typing import Any

import pytest

from app.endpoints.batches.lines import LineEndpoints
from tasks.batches.batch import Batch, OutputFile
from tasks.errors import InvalidRequest
from tasks.records.api_key import Limits
from tasks.records.job import Job
from tests.support.catalogues import current

HELLO = [{"role": "user", "content": "Hello"}]


def job(endpoint: str, **body: Any) -> Job:
    embeds = endpoint.endswith("embeddings")
    keys = "kind: embedding" if embeds else "context: 100, kv_tokens: 100"
    models = current(f"models: {{demo: {{path: x, {keys}}}}}")
    batch = Batch(
        id="batch_1",
        owner="alice",
        endpoint=endpoint,
        input_file_id="file-1",
        completion_window="24h",
        metadata=None,
        limits=Limits(),
        output=OutputFile(id="file-2"),
        error=OutputFile(id="file-3"),
    )
    return LineEndpoints(models).job(batch, "j1", {"model": "demo", **body})


@pytest.mark.parametrize(
    ("endpoint", "asked", "nulls"),
    [
        ("/v1/embeddings", {"input": "hi"}, {"encoding_format": None, "dimensions": None}),
        ("/v1/chat/completions", {"messages": HELLO}, {"stream_options": {"include_usage": None}, "functions": None}),
        ("/v1/responses", {"input": "hi"}, {"text": {"format": None, "verbosity": None}, "previous_response_id": None}),
    ],
)
def test_null_asks_for_nothing_in_a_line(endpoint: str, asked: dict[str, Any], nulls: dict[str, Any]) -> None:
    assert job(endpoint, **asked, **nulls).request == job(endpoint, **asked).request


def test_a_line_cannot_refer_to_an_item() -> None:
    with pytest.raises(InvalidRequest) as refused:
        job("/v1/responses", input=[{"type": "item_reference", "id": "msg_1"}])
    assert refused.value.param == "input.0.id"


@pytest.mark.parametrize("said", [{"priority": "high"}, {"priority": -1}, {"timeout": 60}])
def test_a_line_has_no_urgency_of_its_own(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="A line of a batch") as caught:
        job("/v1/chat/completions", messages=HELLO, **said)
    assert caught.value.param in said
