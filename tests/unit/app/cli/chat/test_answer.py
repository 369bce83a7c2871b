"""One answer: followed to its end, or stopped by Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from app.cli import patience
from app.cli.chat.answer import Answer, ask
from caravan_client import Client, Job, StreamedEvent
from caravan_client.calls import Calls
from caravan_client.errors import ServerAway
from caravan_client.exchange import Broken, Exchange
from tasks.errors import CaravanError, EngineFailure, JobNotFound
from tests.unit.app.client.test_exchange import Server, job, ok, refused

BODY = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}


def token(text: str) -> StreamedEvent:
    return StreamedEvent("1-1", "token", {"index": 0, "text": text})


def done(**fields: Any) -> StreamedEvent:
    return StreamedEvent("2-0", "done", job(**fields))


class Cluster:
    """Gives prepared replies to calls, and prepared events; an exception among those is raised in its place."""

    def __init__(self, server: Server, *streams: list[StreamedEvent | BaseException]) -> None:
        self._server, self._streams = server, list(streams)

    def submit(self, body: Any, *, idempotency_key: str) -> Job:
        found: Job = self.carry_out(Calls().submit(body, idempotency_key=idempotency_key))
        return found

    def carry_out(self, exchange: Exchange[Any]) -> Any:
        return self._server.carry_out(exchange)

    def stream(self, _job: Job) -> Iterator[StreamedEvent]:
        for event in self._streams.pop(0):
            if isinstance(event, BaseException):
                raise event
            yield event


class Impatient(Server):
    """Somebody presses Ctrl-C instead of waiting for a reply that is None."""

    def carry_out(self, exchange: Exchange[Any]) -> Any:
        if self._replies[0] is None:
            self.asked.append(cast("Any", exchange.send(None)))
            self._replies.pop(0)
            raise KeyboardInterrupt
        came: Any = None
        try:
            while True:
                came = self._step(exchange.throw(came) if isinstance(came, Broken) else exchange.send(came))
        except StopIteration as end:
            return end.value


def replies(*given: Any) -> Server:
    return Impatient(*given)


def asked(server: Server, *streams: list[StreamedEvent | BaseException]) -> tuple[Answer, str]:
    shown: list[str] = []
    answer = ask(cast("Client", Cluster(server, *streams)), BODY, shown.append)
    return answer, "".join(shown)


def paths(server: Server) -> list[str]:
    return [request.path for request in server.asked]


QUEUED = ok(job("queued"))
CANCELLED = ok(job("cancelled"))


def test_an_answer_is_shown_as_it_comes_and_kept_as_the_job_has_it() -> None:
    answer, shown = asked(replies(QUEUED), [token("H"), token("i"), done()])
    assert shown == "Hi"
    assert answer == Answer("Hi", "stop")
    assert not answer.stopped


def test_a_job_without_an_answer_raises_its_error() -> None:
    error = {"message": "It broke.", "code": "engine_failure"}
    with pytest.raises(EngineFailure, match="It broke"):
        asked(replies(QUEUED), [token("H"), done(status="failed", error=error)])


def test_ctrl_c_cancels_the_job_and_keeps_what_was_shown() -> None:
    server = replies(QUEUED, CANCELLED)
    answer, _ = asked(server, [token("H"), KeyboardInterrupt()])
    assert answer == Answer("H")
    assert answer.stopped
    assert paths(server) == ["/jobs", "/jobs/j1/cancel"]


def test_ctrl_c_during_the_submission_finds_the_job_by_its_key_and_cancels_it() -> None:
    server = replies(None, QUEUED, CANCELLED)
    answer, _ = asked(server)
    assert answer == Answer("")
    assert paths(server) == ["/jobs", "/jobs", "/jobs/j1/cancel"]
    first, second, _ = server.asked
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_ctrl_c_on_a_job_that_has_just_ended_is_no_failure() -> None:
    server = replies(QUEUED, refused(409, "job_already_finished"), ok(job()))
    assert asked(server, [token("H"), KeyboardInterrupt()])[0] == Answer("H")


@pytest.mark.parametrize("reply", [None, refused(500, "internal_error")])
def test_a_job_that_could_not_be_cancelled_is_named(reply: Any) -> None:
    answer, _ = asked(replies(QUEUED, reply), [KeyboardInterrupt()])
    assert "`caravan jobs cancel j1`" in answer.note


def test_a_job_that_may_have_been_accepted_is_told_of() -> None:
    answer, _ = asked(replies(None, None))
    assert "may go on" in answer.note


def test_a_job_that_redis_forgot_is_submitted_once_more() -> None:
    server = replies(QUEUED, QUEUED)
    answer, _ = asked(server, [JobNotFound("It is gone.")], [token("Hi"), done()])
    assert answer.text == "Hi"
    assert len({request.headers["Idempotency-Key"] for request in server.asked}) == 1


@pytest.mark.parametrize(
    "streams",
    [
        [[token("H"), JobNotFound("It is gone.")]],
        [[JobNotFound("It is gone.")], [JobNotFound("It is gone.")]],
    ],
)
def test_what_was_shown_is_not_shown_twice_and_nothing_is_tried_for_ever(streams: list[Any]) -> None:
    with pytest.raises(JobNotFound):
        asked(replies(*[QUEUED] * len(streams)), *streams)


def test_the_stream_is_closed_when_showing_it_is_interrupted() -> None:
    closed: list[bool] = []
    held: list[Iterator[StreamedEvent]] = []

    def events() -> Iterator[StreamedEvent]:
        try:
            yield token("H")
        finally:
            closed.append(True)

    class Watched(Cluster):
        def stream(self, _job: Job) -> Iterator[StreamedEvent]:
            held.append(events())  # so that nothing else closes it
            return held[0]

    def interrupted(_text: str) -> None:
        raise KeyboardInterrupt

    api: Callable[..., Any] = Watched
    ask(cast("Client", api(replies(QUEUED, CANCELLED))), BODY, interrupted)
    assert closed == [True]


def test_what_a_question_waits_for_is_told_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(patience, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(patience, "LOOK_SECONDS", 0.0)
    looked_again = threading.Event()
    made = replies(QUEUED).carry_out(Calls().submit(BODY))

    class Paused(Cluster):
        num_looks = 0

        def carry_out(self, exchange: Exchange[Any]) -> Any:
            if cast("Any", exchange.send(None)).path == "/jobs/j1":
                self.num_looks += 1
                if self.num_looks == 2:
                    raise ServerAway("It restarts.")
                if self.num_looks == 4:
                    looked_again.set()
                return {"waits_for": {"reason": "queue_paused", "message": "The queue is paused."}}
            return made

        def stream(self, job: Job) -> Iterator[StreamedEvent]:
            assert looked_again.wait(10)
            yield from super().stream(job)

    shown: list[str] = []
    ask(cast("Client", Paused(replies(), [token("Hi"), done()])), BODY, shown.append)
    assert capsys.readouterr().err == "Waiting. The queue is paused.\n"
    assert shown == ["Hi"]


def test_errors_of_the_submission_are_raised() -> None:
    with pytest.raises(CaravanError):
        asked(replies(refused(400, "invalid_value")))
