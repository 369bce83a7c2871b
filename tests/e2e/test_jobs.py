"""The main job through a real cluster: submit, poll, stream, list, cancel."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support import sse
from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

FIELDS = {
    "id", "object", "model", "operation", "owner", "status", "priority", "created_at", "started_at", "finished_at",
    "first_token_at", "queue_position", "eta_seconds", "waits_for", "attempt", "result", "error", "deaths", "usage",
    "timings", "metadata", "webhook", "urls",
}  # fmt: skip
LONG = {"ignore_eos": True, "max_tokens": 900}


def test_a_job_is_accepted_and_polled_to_its_answer(cluster: Cluster) -> None:
    response = cluster.http.post("/jobs", json=chat("What is 12 + 7?", metadata={"sheet": "4"}))
    assert response.status_code == 202
    assert response.headers["X-Request-Id"]
    job_id = response.json()["id"]
    assert response.headers["Location"] == f"/jobs/{job_id}"
    until(lambda: cluster.job(job_id)["status"] == "succeeded")
    job = cluster.job(job_id)
    assert set(job) == FIELDS
    assert job["result"]["choices"][0]["message"] == {"role": "assistant", "content": "12 + 7 = 19.", "refusal": None}
    assert job["usage"].pop("prompt_tokens_details")["cached_tokens"] >= 0
    assert job["usage"] == {"prompt_tokens": 14, "completion_tokens": 7, "total_tokens": 21}
    assert job["metadata"] == {"sheet": "4"}
    assert job["attempt"] == 1
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]


def test_prefer_wait_answers_200_with_the_result(cluster: Cluster) -> None:
    body = {"model": "demo", "prompt": "<|im_start|>user\ncapital of Peru?<|im_end|>\n<|im_start|>assistant\n"}
    response = cluster.http.post("/jobs", json=body, headers={"Prefer": "respond-async, wait=20"})
    assert response.status_code == 200
    assert response.json()["result"]["choices"][0]["text"] == "The capital of Peru is Lima."


def test_a_long_poll_returns_when_the_job_ends(cluster: Cluster) -> None:
    job = cluster.submit(chat("Tell me a long story about an owl."))
    assert cluster.job(job["id"], wait=30)["status"] == "succeeded"


def test_three_watchers_see_the_same_text_whenever_they_join(cluster: Cluster) -> None:
    job_id = cluster.submit(chat("Tell me a long story about a llama.", **LONG))["id"]
    head = list(itertools.islice(sse.read(cluster.http, job_id), 40))
    assert head[-1].event == "token"

    def watch(delay: float, after: str) -> list[sse.Received]:
        time.sleep(delay)
        with httpx.Client(base_url=cluster.url, timeout=60) as http:
            return list(sse.read(http, job_id, after=after))

    with ThreadPoolExecutor() as pool:
        watchers = [pool.submit(watch, 0.0, ""), pool.submit(watch, 0.2, ""), pool.submit(watch, 0.1, head[-1].id)]
        early, late, resumed = [watcher.result() for watcher in watchers]
    answer = cluster.job(job_id)["result"]["choices"][0]["message"]["content"]
    assert sse.text(early) == sse.text(late) == sse.text(head) + sse.text(resumed) == answer
    assert early[-1].event == late[-1].event == resumed[-1].event == "done"
    for events in (early, late, head + resumed):
        assert len({event.id for event in events}) == len(events)


def test_a_reader_that_has_seen_the_end_gets_204(cluster: Cluster) -> None:
    job_id = cluster.submit(chat("Count to 3."), Prefer="wait=20")["id"]
    last = list(sse.read(cluster.http, job_id))[-1]
    assert cluster.http.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": last.id}).status_code == 204
    assert cluster.http.get(f"/jobs/{job_id}/events", params={"after": last.id}).status_code == 204


def test_a_cancelled_job_is_run_again_from_its_beginning(cluster: Cluster) -> None:
    job_id = cluster.submit(chat("Tell me a long story about a llama.", **LONG))["id"]
    head = list(itertools.islice(sse.read(cluster.http, job_id), 10))
    cluster.http.post(f"/jobs/{job_id}/cancel").raise_for_status()
    response = cluster.http.post(f"/jobs/{job_id}/retry")
    assert response.status_code == 202
    assert response.json()["status"] in ("queued", "running")
    events = list(sse.read(cluster.http, job_id))
    job = cluster.job(job_id)
    assert job["status"] == "succeeded"
    assert sse.text(events) == job["result"]["choices"][0]["message"]["content"]
    assert not {event.id for event in events} & {event.id for event in head}


def test_what_has_not_failed_is_not_run_again(cluster: Cluster) -> None:
    job_id = cluster.submit(chat("Count to 3."), Prefer="wait=20")["id"]
    response = cluster.http.post(f"/jobs/{job_id}/retry")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "job_not_failed")
    assert cluster.http.post("/jobs/none/retry").status_code == 404


def test_dead_letters_are_listed_by_themselves(cluster: Cluster) -> None:
    page = cluster.http.get("/jobs", params={"dead_letter": "true"}).json()
    assert (page["data"], page["has_more"]) == ([], False)
    response = cluster.http.get("/jobs", params={"dead_letter": "maybe"})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "dead_letter")
    assert cluster.http.get("/jobs", params={"dead_letter": "true", "after": "x"}).status_code == 400


def test_sixty_four_long_jobs_share_the_batches_of_one_worker(cluster: Cluster) -> None:
    def totals() -> tuple[float, float]:
        figures = cluster.figures()
        labels = '{model="demo",worker="demo-1"}'
        return figures[f"caravan_worker_step_sequences_total{labels}"], figures[f"caravan_worker_steps_total{labels}"]

    time.sleep(2.5)  # two reports of an idle worker
    before = totals()
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(lambda n: cluster.submit(chat(f"Count to {n % 19 + 2}.", temperature=0)), range(16)))
        stories = list(pool.map(lambda n: cluster.submit(chat("Tell me a long story about a cat.", seed=n)), range(48)))
    answers = [cluster.job(job["id"], wait=60) for job in jobs]
    for n, answer in enumerate(answers):
        expected = ", ".join(str(i) for i in range(1, n % 19 + 3)) + "."
        assert answer["result"]["choices"][0]["message"]["content"] == expected
    for story in stories:
        (choice,) = cluster.job(story["id"], wait=60)["result"]["choices"]
        assert choice["finish_reason"] == "stop"
        assert choice["message"]["content"].startswith("Chapter 1. Once upon a time")
        assert "\n\nChapter 2. " in choice["message"]["content"]
    time.sleep(1.5)
    sequences, steps = (after - earlier for after, earlier in zip(totals(), before, strict=True))
    assert sequences / steps >= 6


def test_a_running_job_that_is_cancelled_stops_and_its_slot_serves_the_next(cluster: Cluster) -> None:
    stories = [cluster.submit(chat("Tell me a long story about a bear.", **LONG))["id"] for _ in range(9)]
    queued = [cluster.submit(chat("Count to 4."))["id"] for _ in range(4)]
    until(lambda: cluster.job(stories[0])["status"] == "running")
    assert cluster.http.post(f"/jobs/{queued[0]}/cancel").json()["status"] == "cancelled"
    for job_id in stories:
        cluster.http.post(f"/jobs/{job_id}/cancel")
    assert {cluster.job(job_id)["status"] for job_id in stories} == {"cancelled"}
    for job_id in queued[1:]:
        assert cluster.job(job_id, wait=10)["result"]["choices"][0]["message"]["content"] == "1, 2, 3, 4."
    never = cluster.job(queued[0])
    assert never["started_at"] is None
    assert never["result"] is None
    assert list(sse.read(cluster.http, queued[0]))[-1].data["status"] == "cancelled"


def test_a_watcher_of_a_cancelled_job_is_told(cluster: Cluster) -> None:
    job_id = cluster.submit(chat("Tell me a long story about a goat.", **LONG))["id"]
    cancel = threading.Timer(0.1, lambda: httpx.post(f"{cluster.url}/jobs/{job_id}/cancel"))
    cancel.start()
    events = list(sse.read(cluster.http, job_id))
    cancel.join()
    assert events[-1].event == "done"
    assert events[-1].data["status"] == "cancelled"


def test_a_job_that_cannot_end_in_time_expires(cluster: Cluster) -> None:
    blockers = [cluster.submit(chat("Tell me a long story about a horse.", **LONG))["id"] for _ in range(24)]
    late = cluster.submit(chat("Tell me a long story about a turtle.", timeout=0.05, **LONG))
    job = cluster.job(late["id"], wait=20)
    assert job["status"] == "expired"
    assert job["error"]["code"] == "deadline_exceeded"
    for job_id in blockers:
        cluster.http.post(f"/jobs/{job_id}/cancel")


def test_urgent_jobs_overtake_those_that_wait(cluster: Cluster) -> None:
    blockers = [cluster.submit(chat("Tell me a long story about a fox.", **LONG))["id"] for _ in range(12)]
    low = cluster.submit(chat("Count to 2.", priority="low"))
    normal = cluster.submit(chat("Count to 2."))
    high = cluster.submit(chat("Count to 2.", priority="high"))
    positions = [cluster.job(job["id"])["queue_position"] for job in (high, normal, low)]
    assert None not in positions
    assert positions == sorted(positions)
    for job_id in blockers:
        cluster.http.post(f"/jobs/{job_id}/cancel")


def test_the_same_idempotency_key_and_body_attach_to_the_same_job(cluster: Cluster) -> None:
    first = cluster.submit(chat("Count to 5."), **{"Idempotency-Key": "count-5"})
    again = cluster.submit(chat("Count to 5."), **{"Idempotency-Key": "count-5"})
    assert again["id"] == first["id"]
    other = cluster.http.post("/jobs", json=chat("Count to 6."), headers={"Idempotency-Key": "count-5"})
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_key_reused"


def test_jobs_are_listed_newest_first_by_pages(cluster: Cluster) -> None:
    ids = [cluster.submit(chat(f"Count to {n}."))["id"] for n in range(2, 7)]
    for job_id in ids:
        cluster.job(job_id, wait=10)
    first = cluster.http.get("/jobs", params={"limit": 3, "status": "succeeded", "model": "demo"}).json()
    assert [job["id"] for job in first["data"]] == ids[:1:-1]
    assert first["has_more"]
    second = cluster.http.get("/jobs", params={"limit": 2, "after": first["last_id"]}).json()
    assert [job["id"] for job in second["data"]] == ids[1::-1]


def test_jobs_are_listed_by_metadata_and_time(cluster: Cluster) -> None:
    ids = [cluster.submit(chat("Count to 2.", metadata={"run": "x y", "row": row}))["id"] for row in ("1", "2")]
    created = cluster.job(ids[0], wait=10)["created_at"]

    def listed(**params: Any) -> list[str]:
        page = cluster.http.get("/jobs", params={f"metadata[{name}]": value for name, value in params.items()}).json()
        return [job["id"] for job in page["data"]]

    assert listed(run="x y") == ids[::-1]
    assert listed(run="x y", row="2") == [ids[1]]
    assert listed(run="x") == []
    before = cluster.http.get("/jobs", params={"created_before": created, "metadata[run]": "x y"})
    assert before.json()["data"] == []
    found = cluster.http.get("/jobs", params={"created_after": created, "metadata[run]": "x y"}).json()["data"]
    assert [job["id"] for job in found] == ids[::-1]
    for query in (
        "created_after=x",
        "created_before=-1",
        "created_before=100000000001",
        "created_before=0.5",
        "metadata=x",
        "metadata[]=x",
        "metadata[a][b]=x",
    ):
        refused = cluster.http.get(f"/jobs?{query}")
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, query.partition("=")[0])


def test_models_and_queues_tell_what_there_is(cluster: Cluster) -> None:
    (model,) = cluster.http.get("/models").json()["data"]
    assert (model["id"], model["state"], model["slots"]) == ("demo", "loaded", 8)
    (queue,) = cluster.http.get("/queues").json()["data"]
    assert queue["queued"] == {"high": 0, "normal": 0, "low": 0}
    assert cluster.http.get("/healthz").status_code == 200
    assert cluster.http.get("/readyz").status_code == 200


def test_the_metrics_of_all_web_processes_are_one_sum(cluster: Cluster) -> None:
    name = 'caravan_http_requests_total{method="GET",route="/healthz",status="200"}'
    before = cluster.figures().get(name, 0)
    for _ in range(40):  # new connections, so that both processes get some
        httpx.get(f"{cluster.url}/healthz")
    assert {cluster.figures()[name] for _ in range(10)} == {before + 40}


def test_one_job_may_ask_for_several_choices(cluster: Cluster) -> None:
    job = cluster.submit(chat("Tell me a story about a cat.", n=3, seed=5, temperature=1.0), Prefer="wait=30")
    texts = [choice["message"]["content"] for choice in job["result"]["choices"]]
    assert [choice["index"] for choice in job["result"]["choices"]] == [0, 1, 2]
    assert len(set(texts)) == 3
    events = list(sse.read(cluster.http, job["id"]))
    assert [sse.text(events, index) for index in range(3)] == texts


def test_a_job_tells_where_its_time_went(cluster: Cluster) -> None:
    job = cluster.job(cluster.submit(chat("Count to 9.", temperature=0))["id"], wait=30)
    timings = job["timings"]
    assert timings["queue_seconds"] >= 0
    assert timings["prefill_seconds"] > 0
    assert timings["decode_seconds"] > 0
    assert timings["tokens_per_second"] == pytest.approx(
        job["usage"]["completion_tokens"] / timings["decode_seconds"], rel=0.05
    )


def test_a_job_may_be_held_to_a_grammar(cluster: Cluster) -> None:
    job = cluster.submit({"model": "demo", "prompt": "Well?", "grammar": 'root ::= "yes" | "no"', "logprobs": 1})
    job = cluster.job(job["id"], wait=30)
    assert job["result"]["choices"][0]["text"] in ("yes", "no")
    assert job["result"]["choices"][0]["logprobs"]["tokens"]
