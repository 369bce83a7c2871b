"""``GET /overview``: the cluster in sums, for whoever may see it."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from tasks.ledger import redis_keys
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.ledger import Ledger
from tasks.records.job import Job, QueueState
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, caller, front
from tests.support.jobs import completion


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings)


def seen(http: FlaskClient, headers: dict[str, str]) -> dict[str, Any]:
    answer = http.get("/overview", headers=headers)
    assert answer.status_code == 200
    return {model["id"]: model for model in answer.get_json()["models"]}


def submit(store: Ledger, job: Job) -> None:
    store.admission.submit(job, longest_queue=100)


def test_it_tells_of_queues_and_dead_letters(http: FlaskClient, store: Ledger, client: redis.Redis) -> None:
    submit(store, completion(model="demo"))
    submit(store, completion(model="gone"))
    client.zadd(redis_keys.dead_letters("demo"), {"x": 1.0})
    store.admission.set_queue_state("demo", QueueState.PAUSED)
    demo = seen(http, bearer(ADMIN_KEY))["demo"]
    assert (demo["queue"]["depth"], demo["queue"]["state"], demo["dead_letters"]) == (1, "paused", 1)
    assert (demo["state"], demo["workers"], demo["eta_seconds"], demo["progress"]) == ("asleep", 0, None, None)


def test_admins_alone_see_redis_and_models_that_are_missing(http: FlaskClient, store: Ledger, keys: KeyStore) -> None:
    submit(store, completion(model="gone"))
    alice = caller(keys, "alice")
    assert seen(http, bearer(ADMIN_KEY))["gone"]["queue"]["in_catalogue"] is False
    assert "gone" not in seen(http, alice)
    assert http.get("/overview", headers=alice).get_json()["redis"] is None
    assert http.get("/overview", headers=bearer(ADMIN_KEY)).get_json()["redis"]["used_bytes"] > 0


def test_a_key_sees_its_own_models(http: FlaskClient, keys: KeyStore) -> None:
    assert "demo" in seen(http, caller(keys, "alice"))
    assert seen(http, caller(keys, "bob", models=("other",))) == {}
