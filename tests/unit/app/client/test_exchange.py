"""What the client does of itself, without a server: retries, patience, idempotency keys, streams that go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from caravan_client import Job
from caravan_client.calls import Calls
from caravan_client.errors import AnswerInvalid, JobCancelled, ServerAway, from_response
from caravan_client.events import EventReader
from caravan_client.exchange import LONGEST_PAUSE_SECONDS, Broken, Exchange, Patience, Pause, Request, Response
from tasks.errors import CaravanError, InvalidRequest, JobConflict, JobNotFound, QueueFull, RateLimited

Reply = Response | Broken | Callable[[Request], Response]


def job(status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    ended = status not in ("queued", "running")
    choice = {"message": {"content": "Hi"}, "finish_reason": "stop"}
    return {
        "id": "j1", "model": "demo", "status": status, "finished_at": 5 if ended else None, "error": None,
        "result": {"choices": [choice]} if status == "succeeded" else None, **fields,
    }  # fmt: skip


def ok(body: Any, status: int = 200) -> Response:
    return Response(status, {}, json.dumps(body).encode())


def refused(status: int, code: str, retry_after: str | None = None) -> Response:
    headers = {"retry-after": retry_after} if retry_after else {}
    return Response(status, headers, json.dumps({"error": {"message": "No.", "code": code}}).encode())


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Server:
    """Gives prepared replies in turn, and keeps what it was asked."""

    def __init__(self, *replies: Reply, clock: Clock | None = None) -> None:
        self._replies = list(replies)
        self._clock = clock or Clock()
        self.asked: list[Request] = []
        self.pauses: list[float] = []

    def carry_out(self, exchange: Exchange[Any]) -> Any:
        came: Response | Broken | None = None
        try:
            while True:
                step = exchange.throw(came) if isinstance(came, Broken) else exchange.send(came)
                came = self._step(step)
        except StopIteration as end:
            assert not self._replies, "not all was asked"
            return end.value

    def _step(self, step: Request | Pause) -> Response | Broken | None:
        if isinstance(step, Pause):
            self.pauses.append(step.seconds)
            self._clock.now += step.seconds
            return None
        self.asked.append(step)
        reply = self._replies.pop(0)
        return reply if isinstance(reply, Response | Broken) else reply(step)


def calls(clock: Clock | None = None, seconds: float | None = 300.0) -> Calls:
    return Calls(model="demo", patience=Patience(seconds, clock=clock or Clock()))


def broken(*, sent: bool = True) -> Broken:
    return Broken("It is gone.", sent=sent)


def test_a_submission_has_one_idempotency_key_however_often_it_is_sent() -> None:
    server = Server(broken(), refused(503, "broker_unavailable"), broken(sent=False), ok(job("queued"), 202))
    assert server.carry_out(calls().submit("Hello")).status == "queued"
    keys = {request.headers["Idempotency-Key"] for request in server.asked}
    assert len(keys) == 1
    assert {json.dumps(request.body) for request in server.asked} == {
        json.dumps({"model": "demo", "messages": [{"role": "user", "content": "Hello"}]})
    }


def test_two_submissions_have_two_keys() -> None:
    first, second = Server(ok(job("queued"))), Server(ok(job("queued")))
    for each in (first, second):
        each.carry_out(calls().submit("Hello"))
    assert first.asked[0].headers["Idempotency-Key"] != second.asked[0].headers["Idempotency-Key"]


def test_retry_after_is_waited_for() -> None:
    server = Server(refused(429, "queue_full", "7"), refused(503, "queue_draining", "30"), ok(job("queued")))
    server.carry_out(calls().submit("Hello"))
    assert server.pauses == [7, 30]


def test_pauses_grow_to_a_limit_and_are_not_all_alike() -> None:
    server = Server(*[broken()] * 9, ok(job()))
    server.carry_out(calls().job("j1"))
    assert all(pause <= LONGEST_PAUSE_SECONDS for pause in server.pauses)
    assert server.pauses[0] < 1 < LONGEST_PAUSE_SECONDS / 2 <= server.pauses[-1]
    assert len(set(server.pauses)) == 9


@pytest.mark.parametrize(
    ("reply", "raised"),
    [(refused(429, "rate_limit_exceeded"), RateLimited), (refused(429, "queue_full"), QueueFull),
     (Response(502, {}, b"<html>"), ServerAway), (broken(), ServerAway)],
)  # fmt: skip
def test_what_passes_is_raised_when_patience_is_over(reply: Response | Broken, raised: type[CaravanError]) -> None:
    clock = Clock()
    server = Server(*[reply] * 99, clock=clock)
    with pytest.raises(raised):
        server.carry_out(calls(clock, seconds=20.0).job("j1"))
    assert 1 < len(server.asked) < 99
    assert clock.now <= 20


def test_without_patience_nothing_is_waited_for() -> None:
    server = Server(broken())
    with pytest.raises(ServerAway):
        server.carry_out(calls(seconds=0.0).job("j1"))
    assert server.pauses == []


def test_patience_without_end_is_told_what_it_waits_for() -> None:
    told: list[str] = []
    patience = Patience(None, on_wait=lambda error, _: told.append(error.code), clock=Clock())
    Server(*[broken()] * 50, ok(job())).carry_out(Calls(patience=patience).job("j1"))
    assert told == ["server_away"] * 50


@pytest.mark.parametrize(
    ("reply", "raised"),
    [(refused(400, "invalid_value"), InvalidRequest), (refused(404, "job_not_found"), JobNotFound),
     (Response(500, {}, b"oh"), CaravanError), (Response(404, {}, b""), CaravanError), (ok([]), TypeError)],
)  # fmt: skip
def test_what_does_not_pass_is_raised_at_once(reply: Response, raised: type[Exception]) -> None:
    server = Server(reply)
    with pytest.raises(raised):
        server.carry_out(calls().job("j1"))
    assert server.pauses == []


def test_a_retry_is_not_sent_twice_if_the_first_may_have_arrived() -> None:
    server = Server(broken())
    with pytest.raises(ServerAway):
        server.carry_out(calls().retry("j1"))
    again = Server(broken(sent=False), ok(job("queued")))
    assert again.carry_out(calls().retry("j1")).status == "queued"


def test_a_cancel_whose_answer_was_lost_has_cancelled() -> None:
    server = Server(broken(), refused(409, "job_already_finished"), ok(job("cancelled")))
    assert server.carry_out(calls().cancel("j1")).status == "cancelled"
    server = Server(refused(409, "job_already_finished"), ok(job()))
    with pytest.raises(JobConflict):
        server.carry_out(calls().cancel("j1"))


def test_a_run_waits_on_and_submits_a_job_again_that_is_gone() -> None:
    server = Server(ok(job("queued")), ok(job("running")), refused(404, "job_not_found"), ok(job()))
    assert server.carry_out(calls().run("Hello")).text == "Hi"
    assert [request.method for request in server.asked] == ["POST", "GET", "GET", "POST"]
    assert server.asked[0] == server.asked[3]
    assert server.asked[0].headers["Prefer"] == "wait=30"


def test_a_job_that_goes_again_and_again_is_given_up() -> None:
    server = Server(*[ok(job("queued")), refused(404, "job_not_found")] * 5)
    with pytest.raises(JobNotFound):
        server.carry_out(calls().run("Hello"))


def test_many_jobs_are_deleted_some_hundred_at_a_time() -> None:
    server = Server(lambda request: ok({"deleted": len(request.body["ids"])}), ok({"deleted": 1}))
    assert server.carry_out(calls().delete([f"j{n}" for n in range(501)])) == 501
    assert [len(request.body["ids"]) for request in server.asked] == [500, 1]


def test_the_only_model_is_asked_and_several_must_be_chosen_from() -> None:
    every, server = Calls(), Server(ok({"data": [{"id": "m"}]}), ok(job("queued")))
    server.carry_out(every.submit("Hello"))
    again = Server(ok(job("queued")))
    again.carry_out(every.submit("Hello"))
    assert server.asked[1].body["model"] == again.asked[0].body["model"] == "m"
    with pytest.raises(InvalidRequest, match="a, b"):
        Server(ok({"data": [{"id": "a"}, {"id": "b"}]})).carry_out(Calls().submit("Hello"))


class Sum(BaseModel):
    sum: int


def test_a_response_model_becomes_a_schema_and_reads_the_answer() -> None:
    server = Server(ok(job("queued")))
    server.carry_out(calls().submit("12 + 7?", response_model=Sum, temperature=0))
    body = server.asked[0].body
    wanted = body["response_format"]["json_schema"]["schema"]
    assert wanted == {**Sum.model_json_schema(), "additionalProperties": False}
    assert body["temperature"] == 0
    choice = {"message": {"content": '{"sum": 19}'}, "finish_reason": "stop"}
    assert Job.from_wire(job(result={"choices": [choice]})).parse(Sum) == Sum(sum=19)
    choice = {"message": {"content": '{"sum": 1'}, "finish_reason": "length"}
    with pytest.raises(AnswerInvalid, match="cut"):
        Job.from_wire(job(result={"choices": [choice]})).parse(Sum)


def test_a_job_raises_what_it_ended_with() -> None:
    failed = Job.from_wire(job("failed", error={"message": "No.", "code": "queue_full"}))
    with pytest.raises(QueueFull, match="No"):
        _ = failed.text
    with pytest.raises(JobCancelled):
        _ = Job.from_wire(job("cancelled")).result
    assert Job.from_wire(job("running")).error is None


def test_an_error_of_an_unknown_code_keeps_it() -> None:
    error = from_response(418, None, b'{"error": {"message": "Tea.", "code": "teapot"}}')
    assert (error.code, error.message) == ("teapot", "Tea.")


def reader(clock: Clock | None = None) -> EventReader:
    return EventReader("j1", "", Patience(20.0, clock=clock or Clock()))


FRAMES = ['id: 1-0', 'event: status', 'data: {"status": "running"}', '', 'id: 1-1', 'event: token',
          'data: {"index": 0, "text": "Hi"}', '']  # fmt: skip


def test_a_stream_goes_on_after_its_last_whole_event() -> None:
    reading = reader()
    assert "Last-Event-ID" not in reading.request().headers
    events = [event for line in [*FRAMES, "id: 1-2", "event: token", 'data: {"ind'] if (event := reading.feed(line))]
    assert [event.text for event in events] == ["", "Hi"]
    assert reading.broke("It is gone.") > 0
    assert reading.request().headers["Last-Event-ID"] == "1-1"
    assert reading.feed("") is None, "what was cut off is forgotten"


def test_a_stream_ends_with_its_last_event_or_when_nothing_comes_any_more() -> None:
    reading = reader()
    for line in ("id: 2-0", "event: done", f"data: {json.dumps(job())}"):
        reading.feed(line)
    event = reading.feed("")
    assert event is not None
    assert event.job.text == "Hi"
    assert reading.ended
    seen = reader()
    seen.opened(Response(204, {}, b""))
    assert seen.ended


def test_a_stream_that_is_refused_is_not_asked_for_again() -> None:
    with pytest.raises(JobNotFound) as gone:
        reader().opened(refused(404, "job_not_found"))
    with pytest.raises(JobNotFound):
        reader().broke(gone.value)


def test_what_a_stream_says_renews_patience() -> None:
    clock = Clock()
    reading = reader(clock)
    for _ in range(10):
        clock.now += 15
        reading.feed(": still here")
        reading.broke("It is gone.")
    clock.now += 21
    reading.feed("id: 1-1")  # an event that never comes whole is no progress
    with pytest.raises(ServerAway):
        reading.broke("It is gone.")
