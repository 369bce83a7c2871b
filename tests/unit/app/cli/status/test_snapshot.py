"""What a cluster is asked for its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from app.cli.status.snapshot import take
from caravan_client import Client
from caravan_client.errors import ServerAway
from tasks.errors import AuthenticationFailed, BrokerUnavailable
from tests.unit.app.cli.status.clusters import URL, failure, model, queue

ANSWERS = {"/readyz": {}, "/models": [model()], "/queues": [queue()], "/jobs": [failure()]}


class Api:
    """Answers calls, or raises what stands in an answer's place."""

    def __init__(self, **others: Any) -> None:
        self._answers = ANSWERS | {f"/{path}": answer for path, answer in others.items()}

    def call(self, _method: str, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        answer = self._answers[path]
        if isinstance(answer, Exception):
            raise answer
        return {"data": answer}


def taken(**others: Any) -> Any:
    return take(cast("Client", Api(**others)), URL)


def test_all_is_told_while_redis_is_there() -> None:
    assert taken().told
    assert taken().queue("demo")["state"] == "open"
    assert taken().redis_fault == ""


def test_without_redis_it_is_told_why_nothing_is_known() -> None:
    away = BrokerUnavailable("Redis does not answer.")
    snapshot = taken(readyz=away, models=away)
    assert (snapshot.redis_fault, snapshot.told) == ("Redis does not answer.", False)


def test_a_redis_that_goes_away_in_between_is_a_fault_too() -> None:
    assert taken(jobs=BrokerUnavailable("It is full.")).redis_fault == "It is full."


def test_a_redis_that_can_be_read_alone_hides_nothing() -> None:
    snapshot = taken(readyz=BrokerUnavailable("It takes no writes."))
    assert (snapshot.redis_fault, snapshot.told) == ("It takes no writes.", True)


@pytest.mark.parametrize("error", [ServerAway("Nobody answers."), AuthenticationFailed("No.")])
def test_who_does_not_answer_has_no_status(error: Exception) -> None:
    with pytest.raises(type(error)):
        taken(models=error)
    with pytest.raises(type(error)):
        taken(readyz=error)
