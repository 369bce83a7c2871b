"""Messages in hand, and second messages for the same jobs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state

from tasks.worker.pool import Pool


class Message:
    """What Celery hands over, as far as the runner looks at it."""

    def __init__(self, channel: object, job_id: str = "j") -> None:
        self.id = job_id
        self.time_start = 0.0
        self._message = SimpleNamespace(channel=channel)
        self.settled: list[str] = []

    def on_success(self, told: Any) -> None:
        self.settled.append("succeeded")

    def announce_end(self, status: str, *, expired: bool) -> None:
        self.settled.append(status)

    def acknowledge(self) -> None:
        self.settled.append("acknowledged")


class Hand:
    def __init__(self) -> None:
        self.claims: list[str] = []
        self.pool = Pool(claim=self.claims.append, cancel=lambda job_id: None)

    def take(self, message: Message) -> Message:
        self.pool.apply_async(None, None, callback=message.on_success)
        return message

    def settle(self, status: str) -> None:
        self.pool.settle("j", status)
        self.pool.pump()


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_a_job_that_is_published_again_before_its_message_is_settled_is_claimed_again(hand: Hand) -> None:
    first = hand.take(Message(channel := object()))
    second = hand.take(Message(channel))
    assert hand.claims == ["j"]
    hand.settle("queued")
    assert (first.settled, second.settled) == (["acknowledged"], [])
    assert hand.claims == ["j", "j"]
    assert hand.pool.in_hand == {"j"}
    assert state.requests["j"] is second
    hand.settle("succeeded")
    assert second.settled == ["succeeded"]


@pytest.mark.parametrize("status", ["succeeded", "cancelled"])
def test_a_second_message_of_a_job_that_ends_is_dropped(hand: Hand, status: str) -> None:
    first = hand.take(Message(channel := object()))
    second = hand.take(Message(channel))
    hand.settle(status)
    assert (first.settled, second.settled) == ([status], ["acknowledged"])
    assert hand.claims == ["j"]
    assert hand.pool.in_hand == set()


def test_only_the_last_of_many_messages_is_kept(hand: Hand) -> None:
    channel = object()
    _, second, third = (hand.take(Message(channel)) for _ in range(3))
    assert (second.settled, third.settled) == (["acknowledged"], [])
    hand.settle("queued")
    assert hand.claims == ["j", "j"]


def test_a_revoked_job_leaves_no_message_behind(hand: Hand) -> None:
    hand.take(Message(channel := object()))
    second = hand.take(Message(channel))
    hand.pool.revoked("j")
    assert second.settled == ["acknowledged"]
    hand.settle("cancelled")
    assert second.settled == ["acknowledged"]


def test_after_a_reconnect_only_the_new_message_is_settled(hand: Hand) -> None:
    old = hand.take(Message(channel := object()))
    aside = hand.take(Message(channel))
    new = hand.take(Message(object()))
    hand.settle("queued")
    assert (old.settled, aside.settled, new.settled) == ([], [], ["acknowledged"])
    assert hand.claims == ["j"]
