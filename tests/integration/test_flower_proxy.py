"""Flower behind the front's port: a real Flower, which asks for its login."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import redis
from flask.testing import FlaskClient

from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front
from tests.support.processes import Process
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import until

LOGIN = ("admin", "let me in")


@pytest.fixture(scope="module")
def flower(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    env = {
        "CARAVAN_REDIS_URL": redis_server.url,
        "FLOWER_URL_PREFIX": "flower",
        "FLOWER_BASIC_AUTH": ":".join(LOGIN),
    }
    process = Process(
        ["-m", "app.cli", "flower", "--port", str(port)], env=env, log=tmp_path_factory.mktemp("flower") / "flower.log"
    )
    process.start()
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/flower/healthcheck").status_code == 200
        except httpx.TransportError:
            return False

    until(answers, seconds=30, what="Flower answers")
    yield url
    process.stop()


@pytest.fixture
def http(settings: Settings, client: redis.Redis, flower: str) -> FlaskClient:
    return front(settings, flower_url=flower)


@pytest.mark.parametrize("path", ["/flower/", "/flower/workers?json=1", "/flower/metrics", "/flower/api/tasks"])
def test_flower_asks_for_its_login_and_nothing_else_opens_it(http: FlaskClient, path: str) -> None:
    assert http.get(path).status_code == 401
    assert http.get(path, auth=("admin", "guess")).status_code == 401
    assert http.get(path, headers=bearer(ADMIN_KEY)).status_code == 401


@pytest.mark.parametrize("path", ["/flower/", "/flower/workers?json=1", "/flower/api/tasks?limit=3", "/flower/metrics"])
def test_with_the_login_its_pages_are_there(http: FlaskClient, path: str) -> None:
    assert http.get(path, auth=LOGIN).status_code == 200


def test_what_its_pages_refer_to_is_under_the_same_path(http: FlaskClient) -> None:
    page = http.get("/flower/", auth=LOGIN).text
    script = next(part.split('"')[0] for part in page.split('src="')[1:])
    assert script.startswith("/flower/static/")
    assert http.get(script, auth=LOGIN).status_code == 200


def test_an_error_of_flowers_is_handed_on(http: FlaskClient) -> None:
    assert http.post("/flower/api/task/revoke/", auth=LOGIN).status_code == 404


def test_a_flower_that_is_away_is_a_503(settings: Settings, client: redis.Redis) -> None:
    answer = front(settings, flower_url=f"http://127.0.0.1:{free_port()}").get("/flower/")
    assert answer.status_code == 503
    assert answer.get_json()["error"]["code"] == "flower_unavailable"


def test_without_the_setting_there_is_no_flower(settings: Settings, client: redis.Redis) -> None:
    assert front(settings).get("/flower/", headers=bearer(ADMIN_KEY)).status_code == 404


def test_the_document_of_the_api_is_there_with_flower_as_well(http: FlaskClient) -> None:
    document = http.get("/openapi.json", headers=bearer(ADMIN_KEY))
    assert document.status_code == 200
    assert not any(path.startswith("/flower") for path in document.get_json()["paths"])


def test_flower_cannot_be_used_to_reach_other_hosts(http: FlaskClient) -> None:
    for path in ("/flower/..%2f..%2f", "/flower/@127.0.0.1:1/", "/flower//127.0.0.1:1/", "/flower/%0d%0aHost:%20x"):
        assert http.get(path, auth=LOGIN).status_code in (308, 400, 401, 404)
