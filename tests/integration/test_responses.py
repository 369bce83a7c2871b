"""Responses on a real ledger, with workers that do exactly what a test asks for."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from tasks.ledger.leases import WRITTEN, Append, Holder
from tasks.ledger.ledger import Ledger
from tasks.records.event import encode_token
from tasks.records.job import Job
from tasks.records.outcome import Choice, Outcome, Usage
from tasks.settings import Settings
from tests.support import endings
from tests.support.sse import Received, parse
from tests.support.waiting import until

STORY = ["Once", " upon", " a", " time", "."]


@pytest.fixture
def http(settings: Settings, store: Ledger) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    app.extensions["caravan"].hub.close()


class Reader(threading.Thread):
    """Follows a response until its stream ends."""

    def __init__(self, http: FlaskClient, response_id: str) -> None:
        super().__init__(daemon=True)
        self.events: list[Received] = []
        self._lines = lines(http, f"/v1/responses/{response_id}?stream=true")
        self.start()

    def run(self) -> None:
        for event in parse(self._lines):
            self.events.append(event)

    def last(self) -> Received:
        self.join(20)
        assert not self.is_alive(), self.events
        return self.events[-1]


def lines(http: FlaskClient, path: str) -> Iterator[str]:
    answer = http.application.test_client().get(path)
    assert answer.status_code == 200, answer.get_data()
    return (line for chunk in answer.iter_encoded() for line in chunk.decode().split("\n")[:-1])


def stream(http: FlaskClient, response_id: str, after: int | None = None) -> list[Received]:
    resumed = "" if after is None else f"&starting_after={after}"
    return list(parse(lines(http, f"/v1/responses/{response_id}?stream=true{resumed}")))


def create(http: FlaskClient, **fields: Any) -> str:
    answer = http.post("/v1/responses", json={"model": "demo", "input": "Hello", "background": True, **fields})
    assert answer.status_code == 200, answer.get_data()
    assert answer.json is not None
    return str(answer.json["id"])


def claim(store: Ledger, response_id: str, worker: str = "w1") -> Job:
    job_id = response_id.removeprefix("resp_")
    held = store.leases.claim(job_id, Holder(worker, "d1"), model="demo", call=uuid.uuid4().hex).job
    assert held is not None
    return held


def say(store: Ledger, job: Job, pieces: list[str], *, last: bool = False) -> None:
    ends = [None] * (len(pieces) - 1) + ["stop" if last else None]
    made = [
        encode_token(index=0, text=text, tokens=[7], finish_reason=end) for text, end in zip(pieces, ends, strict=True)
    ]
    assert store.leases.append(Holder(job.worker or "", "d1"), [Append(job.id, job.fence, 1, made)])[0] in WRITTEN


def succeed(store: Ledger, job: Job, num_events: int) -> None:
    choice = Choice(index=0, text="".join(STORY), finish_reason="stop")
    outcome = Outcome(choices=(choice,), usage=Usage(prompt_tokens=4, completion_tokens=5))
    assert endings.succeed(store.leases, Holder(job.worker or "", "d1"), job.id, job.fence, num_events, outcome) == "ok"


def test_a_stream_is_the_same_though_workers_change(http: FlaskClient, store: Ledger) -> None:
    response_id = create(http)
    reader = Reader(http, response_id)
    first = claim(store, response_id)
    say(store, first, STORY[:2])
    until(lambda: len(reader.events) >= 7, what="the reader has seen the first worker's text")
    store.leases.give_back(Holder(first.worker or "", "d1"), first.id, first.fence, 0)
    second = claim(store, response_id, "w2")
    say(store, second, STORY[2:], last=True)
    succeed(store, second, 3)
    assert reader.last().event == "response.completed"
    assert [event.data["sequence_number"] for event in reader.events] == list(range(len(reader.events)))
    deltas = [event.data["delta"] for event in reader.events if event.event == "response.output_text.delta"]
    assert deltas == STORY
    assert stream(http, response_id) == reader.events
    for after in range(len(reader.events)):
        assert stream(http, response_id, after) == reader.events[after + 1 :]


def test_a_response_is_shown_while_it_waits_and_while_it_runs(http: FlaskClient, store: Ledger) -> None:
    response_id = create(http)

    def status() -> str:
        shown = http.get(f"/v1/responses/{response_id}").json
        assert shown is not None
        return str(shown["status"])

    assert status() == "queued"
    job = claim(store, response_id)
    assert status() == "in_progress"
    say(store, job, STORY, last=True)
    succeed(store, job, 5)
    assert status() == "completed"


@pytest.mark.parametrize("runs", [True, False])
def test_a_reader_of_a_response_that_is_deleted_is_told(http: FlaskClient, store: Ledger, runs: bool) -> None:
    response_id = create(http)
    if runs:
        say(store, claim(store, response_id), STORY[:2])
    reader = Reader(http, response_id)
    until(lambda: len(reader.events) >= (7 if runs else 2), what="the reader follows")
    assert http.delete(f"/v1/responses/{response_id}").status_code == 200
    assert reader.last().event == "error"
    assert reader.last().data["code"] in ("job_cancelled", "job_not_found")  # deleting cancels it first
    assert http.get(f"/v1/responses/{response_id}?stream=true").status_code == 404


def test_the_reader_of_a_response_that_is_run_again_is_told_how_it_ended(http: FlaskClient, store: Ledger) -> None:
    response_id = create(http)
    job = claim(store, response_id)
    reader = Reader(http, response_id)
    until(lambda: len(reader.events) >= 3, what="the reader follows")
    error = {"message": "No.", "type": "server_error", "param": None, "code": "engine_failure"}
    endings.fail(store.leases, Holder("w1", "d1"), job.id, job.fence, 0, json.dumps(error))
    http.post(f"/jobs/{job.id}/retry")
    assert reader.last().event == "response.failed"
    again = claim(store, response_id)
    say(store, again, STORY, last=True)
    succeed(store, again, 5)
    assert stream(http, response_id)[-1].data["response"]["output"][0]["content"][0]["text"] == "Once upon a time."


def test_a_key_finds_its_response_though_the_one_before_it_is_gone(http: FlaskClient, store: Ledger) -> None:
    first = create(http)
    job = claim(store, first)
    say(store, job, STORY, last=True)
    succeed(store, job, 5)

    def go_on() -> Any:
        body = {"model": "demo", "input": "And then?", "previous_response_id": first, "background": True}
        return http.post("/v1/responses", json=body, headers={"Idempotency-Key": "second"}).get_json()

    second = go_on()["id"]
    http.delete(f"/v1/responses/{first}")
    assert go_on()["id"] == second


def test_a_conversation_goes_on_though_its_beginning_is_deleted(http: FlaskClient, store: Ledger) -> None:
    first = create(http, instructions="Be kind.")
    job = claim(store, first)
    say(store, job, STORY, last=True)
    succeed(store, job, 5)
    second = create(http, previous_response_id=first, instructions="Be brief.", input="And then?")
    http.delete(f"/v1/responses/{first}")
    assert claim(store, second).request["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Once upon a time."},
        {"role": "user", "content": "And then?"},
    ]
    refused = http.post("/v1/responses", json={"model": "demo", "input": "x", "previous_response_id": first})
    assert refused.status_code == 404
