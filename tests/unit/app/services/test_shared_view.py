"""What many viewers look at is made once."""

from __future__ import annotations

import threading
import time

import pytest
import redis

from app.services.shared_view import SharedView
from tasks.errors import BrokerUnavailable


def test_all_viewers_of_a_moment_see_what_was_made_once() -> None:
    made: list[int] = []

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    view = SharedView(make, seconds=60)
    seen: list[int] = []
    viewers = [threading.Thread(target=lambda: seen.append(view.get())) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert (seen, made) == ([1] * 8, [1])


def test_it_is_made_again_when_its_time_is_over() -> None:
    numbers = iter(range(9))
    view = SharedView(lambda: next(numbers), seconds=0)
    assert [view.get(), view.get()] == [0, 1]


def test_that_redis_is_away_is_kept_as_well() -> None:
    tries = 0

    def make() -> int:
        nonlocal tries
        tries += 1
        raise redis.ConnectionError("away")

    view = SharedView(make, seconds=60)
    for _ in range(3):
        with pytest.raises(BrokerUnavailable):
            view.get()
    assert tries == 1
