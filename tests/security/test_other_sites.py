"""A page in somebody's browser changes nothing: another site's, or one whose name is made to lead here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
import redis
from flask.testing import FlaskClient

from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front
from tests.support.processes import Process
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import until

ORIGIN = "https://app.example.org"
LOCAL = pytest.param({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"}, id="another port")
FOREIGN = [
    pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, id="another site"),
    pytest.param({"Sec-Fetch-Site": "same-site", "Origin": "http://app.localhost:3000"}, id="a name below localhost"),
    LOCAL,
    pytest.param({"Origin": "https://evil.example"}, id="a browser without Sec-Fetch-Site"),
    pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, id="a file"),
]
CHANGES = [
    ("POST", "/queues/demo/pause"), ("POST", "/queues/demo/drain"), ("POST", "/models/demo/load"), ("GET", "/metrics"),
    ("POST", "/jobs"), ("GET", "/jobs"), ("POST", "/jobs/00000000-0000-4000-8000-000000000000/cancel"),
    ("POST", "/v1/chat/completions"), ("POST", "/v1/batches"), ("POST", "/v1/files"), ("DELETE", "/v1/files/file-1"),
    ("POST", "/nowhere"),
]  # fmt: skip
OWN = [
    "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "10.42.0.7:8000", "web:8000", "a.example.net",
    "host.docker.internal:8000",
]  # fmt: skip


@dataclass
class Seen:
    """What came to a Flower of the tests' own."""

    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def flower() -> Iterator[Seen]:
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            seen.requests.append((self.command, self.path, dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield seen
    server.shutdown()
    server.server_close()


@pytest.fixture
def keyless(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings, keys=False, cors_origins=(ORIGIN,), hosts=("web", "*.example.net"))


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_without_keys_another_page_can_do_nothing(
    keyless: FlaskClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = keyless.open(path, method=method, headers=headers, json={})
    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "cross_site"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/queues/demo/pause"), ("POST", "/queues/demo/drain"), ("GET", "/admin/keys"), ("POST", "/admin/keys"),
        ("GET", "/metrics"), ("GET", "/flower/"),
    ],
)  # fmt: skip
def test_a_page_of_this_machine_may_ask_models_and_not_control_the_cluster(
    settings: Settings, client: redis.Redis, flower: Seen, method: str, path: str
) -> None:
    http = front(settings, keys=False, cors_origins=("localhost",), flower_url=flower.url)
    headers = {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"}
    answer = http.open(path, method=method, headers=headers, json={})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "cross_site")
    assert flower.requests == []
    asked = http.post("/jobs", headers=headers, json={"model": "demo", "prompt": "a"})
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (202, "http://localhost:3000")
    elsewhere = {**headers, "Host": "10.42.0.7:8000"}
    assert http.post("/jobs", headers=elsewhere, json={"model": "demo", "prompt": "a"}).status_code == 403


def test_a_queue_that_another_page_would_pause_is_not_paused(keyless: FlaskClient) -> None:
    keyless.post("/queues/demo/pause", headers={"Sec-Fetch-Site": "cross-site"})
    assert keyless.get("/queues").get_json()["data"][0]["state"] == "open"
    assert keyless.post("/queues/demo/pause").status_code == 200
    assert keyless.get("/queues").get_json()["data"][0]["state"] == "paused"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "example.net", "[x]"])
@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_without_keys_a_name_that_is_made_to_lead_here_is_refused(
    keyless: FlaskClient, method: str, path: str, host: str
) -> None:
    """To the browser its page is of this server: the other headers say so."""
    headers = {"Host": host, "Sec-Fetch-Site": "same-origin", "Origin": f"http://{host}"}
    answer = keyless.open(path, method=method, headers=headers, json={})
    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "foreign_host"


@pytest.mark.parametrize("host", OWN)
def test_the_names_that_it_goes_by_are_let_in(keyless: FlaskClient, host: str) -> None:
    assert keyless.get("/queues", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="a program"),
        pytest.param({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, id="an origin of the settings"),
        pytest.param({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, id="its own page"),
    ],
)
def test_programs_own_pages_and_named_origins_call_as_ever(keyless: FlaskClient, headers: dict[str, str]) -> None:
    assert keyless.post("/queues/demo/pause", headers=headers).status_code == 200


def test_a_link_from_another_page_can_be_followed(keyless: FlaskClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert keyless.get("/docs", headers=headers, follow_redirects=True).status_code == 200


def test_a_browser_that_asks_first_is_answered(keyless: FlaskClient) -> None:
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site", "Access-Control-Request-Method": "POST"}
    assert keyless.options("/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_with_keys_another_page_has_none(settings: Settings, client: redis.Redis, headers: dict[str, str]) -> None:
    http = front(settings)
    assert http.post("/queues/demo/pause", headers=headers).status_code == 401
    with_key = {**headers, **bearer(ADMIN_KEY), "Host": "gpu.example"}
    assert http.post("/queues/demo/pause", headers=with_key).status_code == 200


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("headers", FOREIGN)
def test_no_other_page_changes_anything_in_flower_with_the_login_of_a_browser(
    settings: Settings, client: redis.Redis, flower: Seen, keys: bool, method: str, headers: dict[str, str]
) -> None:
    http = front(settings, keys=keys, flower_url=flower.url)
    path = "/flower/api/task/revoke/00000000-0000-4000-8000-000000000000"
    answer = http.open(path, method=method, headers=headers, auth=("admin", "let me in"))
    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "cross_site"
    assert flower.requests == []


def test_flower_is_told_where_a_request_comes_from(settings: Settings, client: redis.Redis, flower: Seen) -> None:
    http = front(settings, flower_url=flower.url)
    told = {
        "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Dest": "empty", "X-Xsrftoken": "x",
    }  # fmt: skip
    assert http.post("/flower/api/task/revoke/x", headers=told, auth=("admin", "x"), data=b"a=1").status_code == 200
    [(method, path, headers, body)] = flower.requests
    assert (method, path, body) == ("POST", "/flower/api/task/revoke/x", b"a=1")
    assert told.items() <= {name.title(): value for name, value in headers.items()}.items()


@pytest.mark.parametrize("framing", ["declared", "chunked"])
def test_the_front_reads_no_large_body_for_flower(
    settings: Settings, client: redis.Redis, flower: Seen, framing: str
) -> None:
    http = front(settings, flower_url=flower.url)
    environ = {"wsgi.input_terminated": True, **({"CONTENT_LENGTH": ""} if framing == "chunked" else {})}
    answer = http.post("/flower/x", data=b"x" * 65_537, auth=("admin", "x"), environ_overrides=environ)
    assert answer.status_code == 413
    assert flower.requests == []
    assert http.post("/flower/x", data=b"x" * 65_536, auth=("admin", "x")).status_code == 200


def test_of_a_body_without_a_login_nothing_is_read(settings: Settings, client: redis.Redis, flower: Seen) -> None:
    front(settings, flower_url=flower.url).post("/flower/x", data=b"x" * 1000)
    assert [body for *_, body in flower.requests] == [b""]


@pytest.fixture
def keyless_flower(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Flower without a login, on its own port."""
    port = free_port()
    env = {"CARAVAN_REDIS_URL": redis_server.url, "FLOWER_UNAUTHENTICATED_API": "true"}
    log = tmp_path_factory.mktemp("flower") / "flower.log"
    process = Process(["-m", "app.cli", "flower", "--port", str(port)], env=env, log=log)
    process.start()
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthcheck").status_code == 200
        except httpx.TransportError:
            return False

    until(answers, seconds=30, what="Flower answers")
    yield url
    process.stop()


def test_flowers_own_port_without_a_login_refuses_them_too(keyless_flower: str) -> None:
    revoke = f"{keyless_flower}/api/task/revoke/00000000-0000-4000-8000-000000000000"
    assert httpx.post(revoke).status_code == 200
    assert httpx.get(f"{keyless_flower}/workers").status_code == 200
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        assert httpx.post(revoke, headers=headers).status_code == 403
    assert httpx.get(f"{keyless_flower}/workers", headers={"Host": "evil.example"}).status_code == 403
