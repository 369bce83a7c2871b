"""The Python client against a real cluster, also over connections that are cut."""

from __future__ import annotations

import asyncio
import inspect
import threading
import uuid

import pytest
from pydantic import BaseModel

import caravan_client
from caravan_client import AsyncClient, Client
from caravan_client.errors import JobCancelled, ServerAway
from caravan_client.exchange import Patience
from tasks.errors import InvalidRequest, JobConflict, JobNotFound, ModelNotFound
from tests.support.cluster import Cluster, chat
from tests.support.cutter import cutter


class Verdict(BaseModel):
    positive: bool


QUESTIONS = [f"What is {a} + {b}?" for a in range(8) for b in range(4)]
ANSWERS = [f"{a} + {b} = {a + b}." for a in range(8) for b in range(4)]


def test_both_clients_have_the_same_methods() -> None:
    def public(client: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(client, callable)
        return {name: list(inspect.signature(method).parameters) for name, method in methods if name[0] != "_"}

    assert public(Client) == {name: how for name, how in public(AsyncClient).items() if name != "together"}
    assert sorted(public(Client)) == [
        "ask", "call", "cancel", "carry_out", "close", "delete", "job", "map", "models", "read_file", "rerank", "retry",
        "run", "stream", "submit", "submit_many", "upload_file", "wait", "wait_any",
    ]  # fmt: skip
    assert caravan_client.__all__ == ["AsyncClient", "Client", "Job", "Options", "Patience", "Ranked", "StreamedEvent"]


def test_questions_are_answered_one_by_one_and_many_at_once(cluster: Cluster) -> None:
    with Client(cluster.url) as client:
        assert client.models() == ["demo"]
        assert client.ask("What is the capital of Peru?", temperature=0) == "The capital of Peru is Lima."
        assert list(client.map(QUESTIONS, concurrency=7, temperature=0)) == ANSWERS

    async def many() -> list[str]:
        async with AsyncClient(cluster.url, model="demo") as client:
            return [answer async for answer in client.map(QUESTIONS, concurrency=7, temperature=0)]

    assert asyncio.run(many()) == ANSWERS


def test_answers_may_be_instances_of_a_model(cluster: Cluster) -> None:
    with Client(cluster.url) as client:
        verdict = client.ask("Classify the sentiment: The food was great.", response_model=Verdict, max_tokens=32)
        assert isinstance(verdict, Verdict)
        (each,) = client.map(["Classify the sentiment: The food was great."], response_model=Verdict, max_tokens=32)
        assert isinstance(each, Verdict)


def test_many_jobs_are_handed_in_with_one_call_and_collected_with_few(cluster: Cluster) -> None:
    with Client(cluster.url, model="demo") as client:
        *ids, refused = client.submit_many([*QUESTIONS, {"model": "nope", "prompt": "Hi"}])
        assert isinstance(refused, caravan_client.errors.ModelNotFound)
        under_way = {str(each): number for number, each in enumerate(ids)}
        answers: dict[int, str] = {}
        while under_way:
            ended = client.wait_any([*under_way])
            assert not ended.missing
            answers |= {under_way.pop(job.id): job.text for job in ended.jobs}
        assert [answers[number] for number in range(len(ids))] == ANSWERS
        assert client.wait_any([str(ids[0]), "gone"]).missing == ["gone"]


def test_jobs_that_are_run_together_come_one_by_one(cluster: Cluster) -> None:
    async def run() -> list[str]:
        async with AsyncClient(cluster.url, model="demo") as client, client.together() as together:
            asked = [together.run({"prompt": "Hi", "max_tokens": 1, "model": "nope"}, idempotency_key="wrong")]
            asked += [together.run(chat(each), idempotency_key=each) for each in (*QUESTIONS, QUESTIONS[0])]
            wrong, *jobs = await asyncio.gather(*asked, return_exceptions=True)
            assert isinstance(wrong, caravan_client.errors.ModelNotFound)
            return [job.text for job in jobs if isinstance(job, caravan_client.Job)]

    assert asyncio.run(run()) == [*ANSWERS, ANSWERS[0]]


def test_an_error_ends_a_map_or_stands_in_an_answers_place(cluster: Cluster) -> None:
    inputs = ["What is 1 + 1?", "word " * 2000, "What is 1 + 2?"]
    with Client(cluster.url) as client:
        one, two, three = client.map(inputs, on_error="return", temperature=0)
        assert (one, three) == ("1 + 1 = 2.", "1 + 2 = 3.")
        assert isinstance(two, InvalidRequest)
        assert two.code == "context_length_exceeded"
        with pytest.raises(InvalidRequest):
            list(client.map(inputs))


def test_what_is_read_ahead_is_bounded(cluster: Cluster) -> None:
    read: list[int] = []

    def inputs() -> object:
        for number in range(1000):
            read.append(number)
            yield "What is 1 + 1?"

    with Client(cluster.url) as client:
        answers = client.map(inputs(), concurrency=3, max_tokens=1)  # type: ignore[call-overload]
        next(answers)
        assert len(read) <= 4
        answers.close()


def test_errors_are_typed_by_their_codes(cluster: Cluster) -> None:
    with Client(cluster.url) as client:
        for raised, call in (
            (ModelNotFound, lambda: client.ask("Hello", model="none")),
            (JobNotFound, lambda: client.job("none")),
            (InvalidRequest, lambda: client.submit({"model": "demo"})),
            (InvalidRequest, lambda: client.submit("Hello", temperature=9)),
        ):
            with pytest.raises(raised):
                call()
        job = client.submit(chat("Tell me a long story about a goat.", ignore_eos=True, max_tokens=900))
        assert client.cancel(job).status == "cancelled"
        assert client.cancel(job).status == "cancelled"
        with pytest.raises(JobCancelled):
            _ = client.job(job).text
        done = client.run("Hello", max_tokens=2)
        with pytest.raises(JobConflict):
            client.cancel(done)
        assert client.delete([job, done.id]) == 2
    with (
        Client("http://127.0.0.1:9", patience=Patience(0)) as nobody,
        pytest.raises(ServerAway, match="does not answer"),
    ):
        nobody.models()


def test_a_stream_over_connections_that_are_cut_is_whole(cluster: Cluster) -> None:
    with cutter(cluster.port) as proxy, Client(proxy.url, model="demo") as client:
        job = client.submit("Tell me a long story about a llama.", seed=3, max_tokens=200)
        proxy.most_bytes, proxy.most_cuts = 700, 2  # the last event alone has more
        events = list(client.stream(job))
        assert proxy.num_cut == 2
        assert "".join(event.text for event in events) == events[-1].job.text
        cursors = [event.cursor for event in events]
        assert len(set(cursors)) == len(cursors)

        async def again() -> list[str]:
            async with AsyncClient(proxy.url) as other:
                proxy.most_cuts = 3
                return [event.cursor async for event in other.stream(job, after=cursors[3])]

        assert asyncio.run(again()) == cursors[4:]


def test_a_submission_whose_answer_is_cut_is_one_job(cluster: Cluster) -> None:
    mark = uuid.uuid4().hex
    with cutter(cluster.port) as proxy, Client(proxy.url, model="demo") as client:
        proxy.most_bytes = 20
        threading.Timer(1.5, lambda: setattr(proxy, "most_bytes", None)).start()
        job = client.submit("Hello", max_tokens=2, metadata={"mark": mark})
        assert proxy.num_cut > 0
    jobs = cluster.http.get("/jobs", params={"limit": 100}).json()["data"]
    assert [each["id"] for each in jobs if each["metadata"].get("mark") == mark] == [job.id]
