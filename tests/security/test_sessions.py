"""A browser's session: what opens one, what it opens, and that no other page makes use of it."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from app.access.session import COOKIE
from app.endpoints.cluster.flower import without_session
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.sessions import MOST
from tasks.records.api_key import Scope
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front, key

OWN = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
HTML = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
FOREIGN = [
    pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, id="another site"),
    pytest.param({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"}, id="another port"),
    pytest.param({"Sec-Fetch-Site": "same-site", "Origin": "http://x.localhost"}, id="a name below ours"),
    pytest.param({"Origin": "http://localhost:3000"}, id="another port, told by the origin alone"),
    pytest.param({"Origin": "null"}, id="a file"),
]
CHANGES = [
    ("POST", "/queues/demo/pause"), ("POST", "/jobs"), ("POST", "/jobs/delete"), ("DELETE", "/v1/files/file-1"),
    ("POST", "/admin/keys"), ("POST", "/v1/chat/completions"), ("GET", "/props"),
]  # fmt: skip


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings)


def signed_in(http: FlaskClient, secret: str = ADMIN_KEY, **headers: str) -> Any:
    """The answer to a login; the client has its cookie from then on."""
    answer = http.post("/session", headers={**OWN, **bearer(secret), **headers})
    assert answer.status_code == 201
    return answer


def test_a_session_is_in_the_place_of_its_key(http: FlaskClient, keys: KeyStore) -> None:
    made, secret = keys.create(key("alice"))
    assert http.get("/jobs", headers=OWN).status_code == 401
    answer = signed_in(http, secret)
    assert answer.get_json() == {
        "object": "session", "keys": True, "owner": "alice", "key": "alice", "scopes": ["inference"],
        "expires_in": 43200,
    }  # fmt: skip
    assert answer.headers["Cache-Control"] == "no-store"
    listed = http.get("/jobs", headers=OWN)
    assert (listed.status_code, listed.headers["Cache-Control"]) == (200, "no-store")
    assert http.get("/admin/keys", headers=OWN).status_code == 403
    assert http.get("/session", headers=OWN).get_json()["key"] == made.name


def test_the_cookie_is_for_our_pages_alone_and_says_nothing(http: FlaskClient, client: redis.Redis) -> None:
    plain = signed_in(http).headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=Strict", "Max-Age=43200"} <= set(plain.split("; "))
    assert "Secure" not in plain
    assert "Secure" in signed_in(http, Origin="https://localhost").headers["Set-Cookie"]
    token = http.get_cookie(COOKIE)
    assert token is not None
    kept = {name: client.hgetall(name) for name in client.keys("*session:*")}
    assert ADMIN_KEY not in plain
    assert ADMIN_KEY not in str(kept)
    assert token.value not in str(kept)
    assert all(0 < client.ttl(name) <= 43200 for name in client.keys("*session*"))


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("headers", [*FOREIGN, pytest.param({}, id="a page of which nothing is told")])
def test_another_page_cannot_change_anything_with_it(
    http: FlaskClient, headers: dict[str, str], method: str, path: str
) -> None:
    signed_in(http)
    answer = http.open(path, method=method, headers=headers, json={} if method == "POST" else None)
    assert answer.status_code == 401


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_page_reads_nothing_with_it(http: FlaskClient, headers: dict[str, str]) -> None:
    signed_in(http)
    assert http.get("/jobs", headers=headers).status_code == 401


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_page_neither_opens_nor_ends_one(http: FlaskClient, headers: dict[str, str]) -> None:
    assert http.post("/session", headers={**headers, **bearer(ADMIN_KEY)}).status_code == 403
    signed_in(http)
    http.delete("/session", headers=headers)
    assert http.get("/jobs", headers=OWN).status_code == 200


def test_our_own_page_needs_no_fetch_metadata_where_there_is_no_tls(http: FlaskClient) -> None:
    """Browsers send it to https and localhost alone."""
    signed_in(http)
    assert http.post("/queues/demo/pause", headers={"Origin": "http://localhost"}).status_code == 200
    assert http.get("/jobs").status_code == 200


def test_a_session_ends_with_its_key(http: FlaskClient, keys: KeyStore) -> None:
    made, secret = keys.create(key("alice"))
    signed_in(http, secret)
    keys.revoke(made.id)
    assert http.get("/jobs", headers=OWN).status_code == 401


def test_a_session_lasts_no_longer_than_its_key(http: FlaskClient, keys: KeyStore, client: redis.Redis) -> None:
    _, secret = keys.create(key("alice"), expires_in=60)
    assert signed_in(http, secret).get_json()["expires_in"] <= 60
    assert all(client.ttl(name) <= 60 for name in client.keys("*session*"))
    client.delete(*client.keys("caravan:key:*"))
    assert http.get("/jobs", headers=OWN).status_code == 401


def test_the_admins_session_ends_when_the_key_of_the_settings_is_another(
    http: FlaskClient, settings: Settings, client: redis.Redis
) -> None:
    signed_in(http)
    token = http.get_cookie(COOKIE)
    assert token is not None
    for admin_key, status in ((ADMIN_KEY, 200), ("cvn-" + "n" * 43, 401)):
        other = front(settings, admin_key=admin_key)
        other.set_cookie(COOKIE, token.value)
        assert other.get("/jobs", headers=OWN).status_code == status


def test_a_session_ends_when_somebody_signs_out(http: FlaskClient, client: redis.Redis) -> None:
    signed_in(http)
    token = http.get_cookie(COOKIE)
    assert token is not None
    assert http.delete("/session", headers=OWN).status_code == 200
    assert http.get_cookie(COOKIE) is None
    http.set_cookie(COOKIE, token.value)
    assert http.get("/jobs", headers=OWN).status_code == 401
    assert client.keys("*session*") == []


def test_a_key_has_so_many_sessions_and_the_oldest_end(http: FlaskClient, client: redis.Redis, keys: KeyStore) -> None:
    _, secret = keys.create(key("alice"))
    tokens = []
    for _ in range(MOST + 2):
        signed_in(http, secret)
        cookie = http.get_cookie(COOKIE)
        assert cookie is not None
        tokens.append(cookie.value)
    assert len(client.keys("*session:*")) == MOST
    for token, status in ((tokens[1], 401), (tokens[2], 200), (tokens[-1], 200)):
        http.set_cookie(COOKIE, token)
        assert http.get("/jobs", headers=OWN).status_code == status


def test_a_session_opens_no_other_and_a_key_goes_before_it(http: FlaskClient, keys: KeyStore) -> None:
    signed_in(http)
    assert http.post("/session", headers=OWN).status_code == 401
    assert http.get("/jobs", headers={**OWN, **bearer("cvn-wrong")}).status_code == 401
    _, secret = keys.create(key("bob"))
    assert http.get("/session", headers={**OWN, **bearer(secret)}).get_json()["owner"] == "bob"


def test_a_key_for_the_metrics_opens_none(http: FlaskClient, keys: KeyStore) -> None:
    _, secret = keys.create(key("prometheus", Scope.METRICS))
    assert http.post("/session", headers={**OWN, **bearer(secret)}).status_code == 403


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "A" * 43, "A" * 5000, "../../x", "\udc80" * 43])
def test_a_token_that_was_never_given_opens_nothing(http: FlaskClient, token: str) -> None:
    header = f"{COOKIE}={token}".encode(errors="surrogateescape").decode("latin-1")
    assert http.get("/jobs", headers={**OWN, "Cookie": header}).status_code == 401


def test_while_keys_are_off_there_is_no_session_to_open(settings: Settings, client: redis.Redis) -> None:
    http = front(settings, keys=False)
    assert http.post("/session", headers=OWN).status_code == 403
    assert http.get("/session").get_json()["keys"] is False


@pytest.mark.parametrize("path", ["/"])
def test_a_page_leads_to_the_login_and_has_nothing_of_anybodys(http: FlaskClient, path: str) -> None:
    led = http.get(path, headers=HTML)
    assert (led.status_code, led.headers["Cache-Control"]) == (303, "no-store")
    assert led.headers["Location"].split("?")[0].endswith("console/login")
    assert "demo" not in http.get("/console/login", headers=HTML).text


def test_a_pages_policy_lets_nothing_but_our_own_files_run(http: FlaskClient) -> None:
    signed_in(http)
    page = http.get("/", headers=HTML)
    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "<style" not in page.text
    assert " on" not in page.text.replace(" on ", "")
    assert ADMIN_KEY not in page.text


def test_what_flower_is_told_has_no_session() -> None:
    assert without_session("Cookie", f"a=1; {COOKIE}=x; b=2") == "a=1; b=2"
    assert without_session("Origin", "http://localhost") == "http://localhost"
