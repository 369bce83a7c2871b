"""What is told of a Redis that cannot be reached, or lets nobody in."""

from __future__ import annotations

import pytest
import redis

from tasks.ledger.access import address, unreachable, wants_another_login

URL = "redis://me:secret@db.example:7000/3"


def test_an_address_tells_no_password() -> None:
    assert address(URL) == "db.example:7000"
    assert address("redis://") == "localhost:6379"
    assert address("unix:///run/redis.sock?db=3") == "/run/redis.sock"


@pytest.mark.parametrize(
    "exc",
    [
        redis.AuthenticationError("invalid username-password pair or user is disabled."),
        redis.AuthenticationError("Authentication required."),
        redis.ResponseError("WRONGPASS invalid username-password pair"),
    ],
)
def test_a_refused_login_is_told_from_a_redis_that_is_away(exc: redis.RedisError) -> None:
    assert wants_another_login(exc)
    found, advice = unreachable(URL, exc)
    assert found == "the Redis at db.example:7000 refuses the user or the password"
    assert "secret" not in found + advice


@pytest.mark.parametrize(
    "exc",
    [
        redis.ConnectionError("Error 111 connecting to db.example:7000. Connection refused."),
        redis.TimeoutError("Timeout connecting to server"),
        redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        redis.ConnectionError("max number of clients reached"),
    ],
)
def test_a_redis_that_is_away_asks_for_no_other_login(exc: redis.RedisError) -> None:
    assert not wants_another_login(exc)
