"""Streams by their conversations, in a real Redis."""

from __future__ import annotations

import redis

from tasks.ledger import redis_keys
from tasks.ledger.conversations import MOST, Conversations, ConversationStream


def test_an_owner_finds_its_own_streams_alone(client: redis.Redis) -> None:
    kept = Conversations(client, seconds=60)
    kept.begin("alice", "a", ConversationStream("1", include_usage=True))
    assert kept.find("alice", "a") == ConversationStream("1", include_usage=True)
    assert kept.find("bob", "a") is None
    assert kept.of_all_models("bob", "a") == {}


def test_the_earlier_stream_of_a_conversation_is_told_of(client: redis.Redis) -> None:
    kept = Conversations(client, seconds=60)
    assert kept.begin("alice", "a", ConversationStream("1")) is None
    assert kept.begin("alice", "a::m", ConversationStream("2")) is None
    assert kept.begin("alice", "a", ConversationStream("3")) == ConversationStream("1")
    assert {name: stream.job_id for name, stream in kept.of_all_models("alice", "a").items()} == {"a": "3", "a::m": "2"}
    kept.forget("alice", "a")
    kept.forget("alice", "a")
    assert list(kept.of_all_models("alice", "a")) == ["a::m"]


def test_they_expire_and_an_id_with_ever_other_models_takes_no_more_and_more(client: redis.Redis) -> None:
    kept = Conversations(client, seconds=60)
    for number in range(3 * MOST):
        kept.begin("alice", f"a::{number}", ConversationStream(str(number)))
    [key] = client.keys(redis_keys.conversation("alice", "*"))
    assert client.hlen(key) <= MOST
    assert 0 < client.ttl(key) <= 60
    assert kept.find("alice", f"a::{3 * MOST - 1}") is not None
