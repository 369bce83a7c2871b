"""`POST /models/<model>/load`, and jobs that keep their model wanted, through the front."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from tasks.ledger.api_keys import KeyStore
from tasks.ledger.wants import Wants
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front, key

WANT = "caravan:want:{}"


@pytest.fixture
def http(settings: Settings, client: redis.Redis, tmp_path: Path) -> FlaskClient:
    models = tmp_path / "models.yaml"
    models.write_text("models: {a: {path: demo, keep_alive: 90s}, b: {path: demo, aliases: [owner/b:q8]}}")
    return front(settings, models_file=models)


def seconds(client: redis.Redis, model: str) -> float:
    return int(client.pttl(WANT.format(model))) / 1000


def test_a_model_that_is_loaded_is_wanted_for_its_keep_alive(http: FlaskClient, client: redis.Redis) -> None:
    answer = http.post("/models/a/load", headers=bearer(ADMIN_KEY))
    assert answer.status_code == 202
    assert (answer.get_json()["id"], answer.get_json()["state"]) == ("a", "asleep")
    assert 80 < seconds(client, "a") <= 90
    assert not client.exists(WANT.format("b"))


@pytest.mark.parametrize("name", ["owner/b:q8", "owner%2Fb:q8"])
def test_a_model_is_loaded_by_an_alias_with_a_slash(name: str, http: FlaskClient, client: redis.Redis) -> None:
    answer = http.post(f"/models/{name}/load", headers=bearer(ADMIN_KEY))
    assert (answer.status_code, answer.get_json()["id"], client.exists(WANT.format("b"))) == (202, "b", 1)
    assert http.post(f"/models/{name}/unload", headers=bearer(ADMIN_KEY)).get_json()["error"]["code"] == "workers_fixed"


def test_a_job_keeps_its_model_wanted(http: FlaskClient, client: redis.Redis) -> None:
    body = {"model": "b", "messages": [{"role": "user", "content": "Hi"}]}
    http.post("/jobs", json=body, headers=bearer(ADMIN_KEY))
    assert 590 < seconds(client, "b") <= 600
    assert not client.exists(WANT.format("a"))


def test_a_job_that_is_refused_wakes_nothing(http: FlaskClient, client: redis.Redis) -> None:
    http.post("/queues/a/drain", headers=bearer(ADMIN_KEY))
    body = {"model": "a", "messages": [{"role": "user", "content": "Hi"}]}
    assert http.post("/jobs", json=body, headers=bearer(ADMIN_KEY)).status_code == 503
    assert not client.exists(WANT.format("a"))


def test_an_unknown_model_cannot_be_loaded(http: FlaskClient) -> None:
    assert http.post("/models/none/load", headers=bearer(ADMIN_KEY)).get_json()["error"]["code"] == "model_not_found"


def test_a_key_cannot_load_what_it_may_not_use(http: FlaskClient, client: redis.Redis) -> None:
    limited = bearer(KeyStore(client).create(key("alice", models=("a",)))[1])
    assert http.post("/models/b/load", headers=limited).status_code == 404
    assert not client.exists(WANT.format("b"))
    assert http.post("/models/a/load", headers=limited).status_code == 202


def test_a_job_is_accepted_though_its_model_cannot_be_kept_wanted(
    http: FlaskClient, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_wants: Wants, _model: str, _seconds: float) -> None:
        raise redis.ResponseError("value is not an integer or out of range")

    monkeypatch.setattr(Wants, "want", refuse)
    body = {"model": "b", "messages": [{"role": "user", "content": "Hi"}]}
    assert http.post("/jobs", json=body, headers=bearer(ADMIN_KEY)).status_code == 202
    assert not client.exists(WANT.format("b"))
