"""models.yaml is read again by a web process, and by others that hear of it from Redis."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from tasks.ledger import redis_keys
from tasks.ledger.api_keys import KeyStore
from tasks.models import accepted
from tasks.models.current import CurrentCatalogue
from tasks.queue.sweep import open_sweeper
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front, key

ADMIN = bearer(ADMIN_KEY)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text("models: {a: {path: demo}, b: {path: demo}}")
    return path


@pytest.fixture
def http(settings: Settings, client: redis.Redis, file: Path) -> FlaskClient:
    return front(settings, models_file=file)


def names(http: FlaskClient) -> list[str]:
    return [model["id"] for model in http.get("/v1/models", headers=ADMIN).get_json()["data"]]


def submit(http: FlaskClient, model: str) -> int:
    return http.post("/jobs", json={"model": model, "prompt": "a"}, headers=ADMIN).status_code


def test_models_come_and_go_in_the_process_that_is_asked(http: FlaskClient, file: Path) -> None:
    file.write_text("models: {a: {path: demo, aliases: [x]}, c: {path: demo}}")
    answer = http.post("/models/reload", headers=ADMIN)
    assert (answer.status_code, answer.get_json()) == (
        200, {"object": "models.reload", "added": ["c"], "removed": ["b"], "changed": ["a"]},
    )  # fmt: skip
    assert names(http) == ["a", "c"]
    assert [submit(http, model) for model in ("x", "b", "c")] == [202, 404, 202]
    assert http.post("/models/reload", headers=ADMIN).get_json()["changed"] == []


def test_a_file_that_makes_no_sense_is_answered_with_its_line(
    http: FlaskClient, client: redis.Redis, file: Path
) -> None:
    file.write_text("models:\n  a: {path: demo}\n  c: {pth: demo}\n")
    answer = http.post("/models/reload", headers=ADMIN)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "invalid_models_file")
    assert f"{file}, line 3: models.c.path is missing" in answer.get_json()["error"]["message"]
    assert names(http) == ["a", "b"]
    assert not client.exists(redis_keys.reloads())


def test_a_front_without_a_models_file_says_so(settings: Settings, client: redis.Redis) -> None:
    answer = front(settings).post("/models/reload", headers=ADMIN)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "invalid_models_file")
    assert "caravan up --models" in answer.get_json()["error"]["message"]


def test_only_admins_have_it_read_again(http: FlaskClient, client: redis.Redis) -> None:
    alice = bearer(KeyStore(client).create(key("alice"))[1])
    assert http.post("/models/reload", headers=alice).status_code == 403
    answer = http.get("/models/reload", headers=ADMIN)
    assert (answer.status_code, "POST" in answer.headers["Allow"]) == (405, True)


def test_other_processes_hear_of_it_with_what_they_ask_once_a_second(
    settings: Settings, http: FlaskClient, client: redis.Redis, file: Path
) -> None:
    other = CurrentCatalogue(file)
    sweeper = open_sweeper(settings, name="other", models=other)
    sweeper.tick()
    file.write_text("models: {c: {path: demo}}")
    sweeper.tick()
    assert list(other.now) == ["a", "b"]
    http.post("/models/reload", headers=ADMIN)
    sweeper.tick()
    assert list(other.now) == ["c"]


def test_what_was_accepted_is_noticed_without_redis(settings: Settings, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "accepted.json"
    accepted.write(copy, accepted.accept(file))
    one, other = CurrentCatalogue(file, copy=copy), CurrentCatalogue(file, copy=copy)
    away = Settings(**{**settings.model_dump(), "redis_url": "redis://127.0.0.1:1/0", "broker_url": None})
    sweeper = open_sweeper(away, name="other", models=other)
    file.write_text("models: {c: {path: demo}}")
    one.reload()
    with pytest.raises(redis.ConnectionError):
        sweeper.tick()
    assert list(other.now) == ["c"]


def test_without_redis_nothing_changes_where_no_file_is_shared(settings: Settings, file: Path) -> None:
    away = {"redis_url": "redis://127.0.0.1:1/0", "broker_url": None}
    http = front(settings, models_file=file, **away)
    file.write_text("models: {c: {path: demo}}")
    answer = http.post("/models/reload", headers=ADMIN)
    assert answer.status_code == 503
    assert names(http) == ["a", "b"]
