"""The jobs that workers died of, listed a page at a time."""

from __future__ import annotations

import pytest
import redis

from tasks.ledger import dead_letters, redis_keys

MODELS = ["a", "none", "b"]
LETTERS = {"a": {"j1": 1.0, "j4": 3.5, "j5": 3.5, "j7": 9.0}, "b": {"j2": 1.0, "j3": 3.5, "j6": 4.25}}
NEWEST_FIRST = ["j7", "j6", "j5", "j4", "j3", "j2", "j1"]


def test_pages_of_any_size_make_the_whole_though_several_died_at_once(client: redis.Redis) -> None:
    for model, letters in LETTERS.items():
        client.zadd(redis_keys.dead_letters(model), letters)
    for count in range(1, 9):
        found: list[str] = []
        for _ in NEWEST_FIRST:
            found += dead_letters.page(client, MODELS, after=found[-1] if found else None, count=count)
        assert found == NEWEST_FIRST


def test_a_page_is_of_the_models_that_are_asked_for(client: redis.Redis) -> None:
    for model, letters in LETTERS.items():
        client.zadd(redis_keys.dead_letters(model), letters)
    assert dead_letters.page(client, ["b"], count=9) == ["j6", "j3", "j2"]
    assert dead_letters.page(client, ["b"], after="j6", count=1) == ["j3"]
    assert dead_letters.page(client, [], count=9) == []


def test_nothing_comes_after_what_is_no_dead_letter_of_theirs(client: redis.Redis) -> None:
    client.zadd(redis_keys.dead_letters("a"), LETTERS["a"])
    with pytest.raises(LookupError):
        dead_letters.page(client, ["b"], after="j1", count=1)
