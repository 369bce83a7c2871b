"""Keys in a real Redis."""

from __future__ import annotations

import time

import pytest
import redis

from tasks.ledger import api_keys, redis_keys
from tasks.ledger.api_keys import KeyStore
from tasks.records.api_key import Key, Scope, digest
from tests.support.fronts import key
from tests.support.waiting import until


def test_a_key_is_found_by_its_secret_and_by_nothing_else(keys: KeyStore) -> None:
    made, secret = keys.create(key(requests_per_minute=5, models=("demo",)))
    found = keys.find(secret)
    assert found == made
    assert abs(made.created_at - time.time()) < 5
    for wrong in ("", "cvn-", secret[:-1], secret + "x", secret.upper(), made.id, digest(secret)):
        assert keys.find(wrong) is None


def test_redis_never_sees_the_secret(keys: KeyStore, client: redis.Redis) -> None:
    _, secret = keys.create(key())
    keys.find(secret)
    kept = [client.hgetall(name) for name in client.scan_iter()] + [client.scan(count=1000)]
    assert secret not in str(kept)
    assert secret.removeprefix("cvn-") not in str(kept)
    assert digest(secret) in str(kept)


def test_a_revoked_key_opens_nothing_and_leaves_nothing(keys: KeyStore, client: redis.Redis) -> None:
    made, secret = keys.create(key())
    assert keys.revoke(made.id)
    assert keys.find(secret) is None
    assert not keys.revoke(made.id)
    assert client.keys() == []


def test_a_use_after_the_end_brings_no_stump_back(
    keys: KeyStore, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoked between the look-up and the note of the last use."""
    made, secret = keys.create(key())
    read = Key.decode

    def revoked_meanwhile(fields: dict[str, str]) -> Key | None:
        keys.revoke(made.id)
        return read(fields)

    monkeypatch.setattr(Key, "decode", revoked_meanwhile)
    keys.find(secret)
    assert client.keys() == []


def test_a_key_ends_at_its_time(keys: KeyStore, client: redis.Redis) -> None:
    made, secret = keys.create(key(), expires_in=1)
    lasting, _ = keys.create(key("bob"))
    assert made.expires_at == pytest.approx(made.created_at + 1)
    assert keys.find(secret)
    until(lambda: keys.find(secret) is None, seconds=5, what="the key has expired")
    assert [each.id for each in keys.all()] == [lasting.id]
    assert client.hlen(redis_keys.keys()) == 1


def test_keys_are_listed_oldest_first(keys: KeyStore) -> None:
    made = [keys.create(key(owner))[0] for owner in ("b", "a", "c")]
    assert keys.all() == made


def test_a_use_is_written_down_and_seldom(keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = keys.create(key(scope=Scope.ADMIN))
    keys.find(secret)
    (once,) = keys.all()
    assert once.last_used_at is not None
    keys.find(secret)
    assert keys.all() == [once]
    monkeypatch.setattr(api_keys, "SELDOM_SECONDS", -1.0)
    keys.find(secret)
    (again,) = keys.all()
    assert (again.last_used_at or 0) > once.last_used_at


def test_a_redis_that_takes_no_writes_still_opens(keys: KeyStore, client: redis.Redis) -> None:
    _, secret = keys.create(key())
    client.config_set("maxmemory", 1)
    try:
        assert keys.find(secret)
    finally:
        client.config_set("maxmemory", 0)
