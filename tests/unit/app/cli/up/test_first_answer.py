"""The first question of a start, on a machine that is too busy to take it at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from app.cli.up.cluster_watch import Watch
from app.cli.up.first_answer import SECONDS, FirstAnswer
from app.cli.up.parts import Part
from tasks.models.catalogue import load

READY = [Part("demo-1", "a worker", "ready", model="demo")]
DONE = {"status": "succeeded", "result": {"choices": [{"message": {"content": "It is  Paris."}}]}}


class Front:
    """A web front that gives prepared answers to submissions, and the first question asked of it."""

    def __init__(self, *replies: Exception | tuple[int, Mapping[str, Any]]) -> None:
        self.now = 0.0
        self.keys: list[str] = []
        self._replies = list(replies)
        watch = Watch(api="http://front", key="", flower="http://flower")
        watch._http = httpx.Client(base_url="http://front", transport=httpx.MockTransport(self._answer))
        self.first = FirstAnswer(watch, load(None), clock=lambda: self.now)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=DONE)
        self.keys.append(request.headers["Idempotency-Key"])
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply[0], json=reply[1])


def test_a_submission_that_times_out_is_made_again_under_its_key() -> None:
    away = (503, {"error": {"message": "Redis is away."}})
    front = Front(httpx.ReadTimeout("timed out"), away, (202, {"id": "j1"}))
    assert [front.first.look(READY) for _ in range(3)] == [None] * 3
    assert front.first.look(READY) == ["  What is the capital of France?", "  It is Paris."]
    assert len(front.keys) == 3
    assert len(set(front.keys)) == 1


def test_what_is_given_up_says_what_the_reader_can_do() -> None:
    front = Front(*[httpx.ReadTimeout("timed out")] * 2)
    assert front.first.look(READY) is None
    front.now = SECONDS + 1
    told = front.first.look(READY)
    assert told is not None
    assert "(timed out)" in told[0]
    assert 'caravan submit --model demo "What is the capital of France?"' in told[1]


def test_a_refusal_that_will_not_pass_is_told_at_once() -> None:
    front = Front((400, {"error": {"message": "No such field."}}))
    assert front.first.look(READY) == ["  The first job was refused: No such field."]
