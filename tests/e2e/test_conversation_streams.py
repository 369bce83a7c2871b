"""llama-server's resumable streams: a client finds its stream again by the conversation's id."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.cluster import Cluster, chat
from tests.support.conversation_streams import begin, resumed


def test_a_stream_that_was_left_goes_on_and_is_read_on_from_any_byte(cluster: Cluster) -> None:
    job_id, read = begin(cluster, "left/demo:1", most=1500, max_tokens=100)
    rest = resumed(cluster, "left/demo:1", len(read))
    assert cluster.job(job_id, wait=30)["status"] == "succeeded"
    whole = resumed(cluster, "left/demo:1")
    assert read + rest == whole
    assert whole.endswith(b"data: [DONE]\n\n")
    assert all(
        resumed(cluster, "left/demo:1", first) == whole[first:] for first in (1, 777, len(whole) - 1, len(whole))
    )


def test_an_id_may_have_any_characters(cluster: Cluster) -> None:
    _, read = begin(cluster, "füchse/狐", max_tokens=4)
    assert resumed(cluster, "füchse/狐") == read
    [found] = cluster.http.post("/v1/streams/lookup", json={"conversation_ids": ["füchse/狐"]}).json()
    assert (found["conversation_id"], found["total_bytes"]) == ("füchse/狐", len(read))


def test_the_rest_is_that_of_the_stream_as_it_was_asked_for(cluster: Cluster) -> None:
    options: dict[str, Any] = {
        "stream_options": {"include_usage": True},
        "timings_per_token": True,
        "n": 2,
        "logprobs": True,
    }
    _, read = begin(cluster, "options", max_tokens=12, **options)
    assert resumed(cluster, "options") == read
    assert b'"usage":{' in read


def test_a_conversation_has_one_stream_and_a_new_one_ends_the_one_before(cluster: Cluster) -> None:
    first, _ = begin(cluster, "twice", most=600, max_tokens=500, ignore_eos=True)
    second, _ = begin(cluster, "twice", max_tokens=4)
    assert cluster.job(first, wait=30)["status"] == "cancelled"
    [found] = cluster.http.post("/v1/streams/lookup", json={"conversation_ids": ["twice"]}).json()
    assert (found["is_done"], found["total_bytes"]) == (True, len(resumed(cluster, "twice")))
    assert cluster.job(second)["status"] == "succeeded"


def test_a_stop_cancels_the_job_and_what_is_stopped_is_not_found(cluster: Cluster) -> None:
    job_id, _ = begin(cluster, "stopped", most=600, max_tokens=500, ignore_eos=True)
    for _ in range(2):
        assert cluster.http.delete("/v1/stream", params={"conv_id": "stopped"}).status_code == 204
    assert cluster.job(job_id, wait=30)["status"] == "cancelled"
    gone = cluster.http.get("/v1/stream", params={"conv_id": "stopped"})
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "job_not_found")


def test_a_lookup_tells_of_the_ids_that_it_names_and_of_those_with_a_model_behind(cluster: Cluster) -> None:
    for name in ("a", "a::demo", "ab", "a::other"):
        begin(cluster, name, max_tokens=2)
    asked = {"conversation_ids": ["a", "a", "b", ""]}
    found = {each["conversation_id"]: each for each in cluster.http.post("/streams/lookup", json=asked).json()}
    assert set(found) == {"a", "a::demo", "a::other"}
    assert all(each["started_at"] <= each["completed_at"] <= time.time() + 1 for each in found.values())
    assert found["a"]["total_bytes"] == len(resumed(cluster, "a"))


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, "conv_id is missing"),
        ({"conv_id": "x" * 513}, "512 characters"),
        ({"conv_id": "a", "from": "-1"}, "from must be"),
        ({"conv_id": "a", "form": "1"}, "Did you mean 'from'?"),
    ],
)
def test_what_makes_no_sense_is_refused(cluster: Cluster, params: dict[str, str], told: str) -> None:
    refused = cluster.http.get("/v1/stream", params=params)
    assert refused.status_code == 400
    assert told in refused.text


def test_too_long_an_id_begins_nothing(cluster: Cluster) -> None:
    accepted = cluster.accepted()
    headers = {"X-Conversation-Id": "x" * 513}
    refused = cluster.http.post("/v1/chat/completions", json=chat("Hi", stream=True), headers=headers)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "X-Conversation-Id")
    assert cluster.accepted() == accepted
