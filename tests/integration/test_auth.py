"""Who may call what: every route, one by one, over a real Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.endpoints.openai.responses.response import PREFIX
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.ledger import Ledger
from tasks.records.api_key import Scope
from tasks.records.job import Job, Priority
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front, key
from tests.support.redis_server import free_port

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
RESPONSE = {"model": "demo", "input": "Hello", "background": True, "store": True}
OPEN = frozenset({"home.index", "health.alive", "health.short", "health.ready", "flower.proxy", "ollama.version"})
ADMIN = frozenset(
    {
        "health.metrics",
        "queues.pause",
        "queues.drain",
        "queues.resume",
        "queues.cancel",
        "queues.move",
        "models.unload",
        "models.reload",
        "keys.create",
        "keys.index",
        "keys.revoke",
    }
)
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings)


@pytest.fixture
def alice(keys: KeyStore) -> dict[str, str]:
    return bearer(keys.create(key("alice"))[1])


@pytest.fixture
def bob(keys: KeyStore) -> dict[str, str]:
    return bearer(keys.create(key("bob"))[1])


def calls(http: FlaskClient) -> Iterator[tuple[Rule, str]]:
    """Every method of every route but the console's pages, which tell nothing: tests/security/test_sessions.py."""
    for rule in http.application.url_map.iter_rules():
        if rule.endpoint.startswith("console."):
            continue
        for method in sorted(rule.methods or ()):
            yield rule, method


def path(rule: Rule, **values: str) -> str:
    """A route's path, with these values or an x in each place."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found[1], "x"), rule.rule)


def code(response: TestResponse) -> Any:
    told = response.get_json()
    return told["code"] if isinstance(told["error"], str) else told["error"]["code"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("cvn-" + "A" * 43),
        bearer(""),
        {"Authorization": ADMIN_KEY},
        {"Authorization": f"Basic {ADMIN_KEY}"},
        {"X-Api-Key": ADMIN_KEY[:-1]},
        {"X-Api-Key": ""},
        {"X-Api-Key": ADMIN_KEY, **bearer("cvn-wrong")},
        {**bearer(ADMIN_KEY[:-1]), "X-Forwarded-For": "127.0.0.1"},
        bearer("é" * 40),
    ],
)
def test_every_route_but_the_probes_asks_for_a_key(http: FlaskClient, headers: dict[str, str]) -> None:
    asked = 0
    for rule, method in calls(http):
        answer = http.open(path(rule), method=method, headers=headers)
        if rule.endpoint in OPEN:
            assert answer.status_code == 200, rule
            continue
        assert answer.status_code == 401, (rule, method)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        if method != "HEAD":
            assert code(answer) == "invalid_api_key"
        asked += 1
    assert asked > 40
    opened = {rule.rule for rule, _ in calls(http) if rule.endpoint in OPEN}
    assert opened == {"/", "/healthz", "/health", "/readyz", "/api/version"}


def test_a_key_may_come_as_anthropics_clients_send_it(http: FlaskClient, alice: dict[str, str]) -> None:
    secret = alice["Authorization"].removeprefix("Bearer ")
    assert http.get("/v1/models", headers={"X-Api-Key": secret}).status_code == 200
    assert http.get("/v1/models", headers={"X-Api-Key": secret, "Authorization": "Basic x"}).status_code == 401


def test_an_item_of_another_callers_response_is_not_there(
    http: FlaskClient, alice: dict[str, str], bob: dict[str, str]
) -> None:
    first = http.post("/v1/responses", json=RESPONSE, headers=alice).get_json()["id"]
    items: list[Any] = [{"type": "item_reference", "id": f"in_{first.removeprefix(PREFIX)}_0"}]
    referring = {**RESPONSE, "input": items}
    assert http.post("/v1/responses", json=referring, headers=alice).status_code == 200
    refused = http.post("/v1/responses", json=referring, headers=bob)
    assert (refused.status_code, refused.get_json()["error"]["param"]) == (404, "input.0.id")


def test_a_tier_is_as_urgent_as_the_key_allows(http: FlaskClient, store: Ledger, keys: KeyStore) -> None:
    slow = bearer(keys.create(key("slow", priority=Priority.NORMAL))[1])
    for headers, tier, priority, served in (
        (bearer(ADMIN_KEY), "priority", "high", "priority"),
        (slow, "priority", "normal", "default"),
        (slow, "flex", "low", "flex"),
        (slow, "auto", "normal", "default"),
    ):
        made = http.post("/v1/responses", json={**RESPONSE, "service_tier": tier}, headers=headers)
        job = store.jobs.get(made.get_json()["id"].removeprefix(PREFIX))
        assert job is not None
        assert (job.priority, made.get_json()["service_tier"]) == (priority, served)


def submitted(http: FlaskClient, store: Ledger, headers: dict[str, str], **body: Any) -> Job | None:
    """The job of a response in the background; None if it is refused with its priority at fault."""
    made = http.post("/v1/responses", json={**RESPONSE, **body}, headers=headers)
    if made.status_code == 400:
        assert made.get_json()["error"]["param"] == "priority"
        return None
    return store.jobs.get(made.get_json()["id"].removeprefix(PREFIX))


@pytest.mark.parametrize(
    ("body", "headers", "priority"),
    [
        ({}, {}, "normal"),
        ({"priority": -5}, {}, "high"),
        ({"priority": "low"}, {}, "low"),
        ({}, {"X-Priority": "High"}, "high"),
        ({}, {"X-Priority": "-1"}, "high"),
        ({}, {"X-Priority": "7"}, "low"),
        ({}, {"X-Priority": "0"}, "normal"),
        ({"priority": "low"}, {"X-Priority": "high"}, "low"),
        ({"priority": 0}, {"X-Priority": "low"}, "low"),
        ({"service_tier": "flex"}, {}, "low"),
        ({"service_tier": "flex", "priority": "high"}, {}, "high"),
        ({"service_tier": "priority"}, {"X-Priority": "low"}, "low"),
    ],
)
def test_a_v1_call_has_the_priority_of_its_body_or_its_headers(
    http: FlaskClient, store: Ledger, alice: dict[str, str], body: Any, headers: Any, priority: str
) -> None:
    job = submitted(http, store, {**alice, **headers}, **body)
    assert job is not None
    assert job.priority == priority


def test_no_way_to_ask_for_a_priority_is_past_the_keys_limit(http: FlaskClient, store: Ledger, keys: KeyStore) -> None:
    slow = bearer(keys.create(key("slow", priority=Priority.LOW))[1])
    for body, headers in (
        ({"priority": "normal"}, {}),
        ({"priority": -1}, {}),
        ({}, {"X-Priority": "high"}),
        ({}, {"X-Priority": "-1"}),
    ):
        assert submitted(http, store, {**slow, **headers}, **body) is None
    for body, headers in (({}, {}), ({"priority": 0}, {}), ({}, {"X-Priority": "0"}), ({"priority": 9}, {})):
        job = submitted(http, store, {**slow, **headers}, **body)
        assert job is not None
        assert job.priority == "low"


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({}, {}, None),
        ({"timeout": 5}, {}, 5.0),
        ({}, {"X-Timeout": "2.5"}, 2.5),
        ({"timeout": 5}, {"X-Timeout": "60"}, 5.0),
    ],
)
def test_a_v1_call_has_the_timeout_of_its_body_or_its_headers(
    http: FlaskClient, store: Ledger, alice: dict[str, str], body: Any, headers: Any, seconds: float | None
) -> None:
    job = submitted(http, store, {**alice, **headers}, **body)
    assert job is not None
    assert job.timeout_seconds == seconds
    made = http.post("/jobs", json={**CHAT, **body}, headers={**alice, **headers})
    assert (found := store.jobs.get(made.get_json()["id"])) is not None
    assert found.timeout_seconds == seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("X-Priority", value) for value in ("urgent", "0.5", "u=1", "inf", "1_0", "")),
        *(("X-Timeout", value) for value in ("0", "-1", "604801", "nan", "inf", "1_0", "soon", "5s", "")),
    ],
)
@pytest.mark.parametrize("own", [{}, {"timeout": 5, "priority": "low"}], ids=["alone", "beside the body's own"])
@pytest.mark.parametrize("path", ["/jobs", "/v1/chat/completions", "/v1/completions"])
def test_a_header_that_makes_no_sense_is_refused_by_its_name(
    http: FlaskClient, alice: dict[str, str], client: redis.Redis, own: Any, path: str, name: str, value: str
) -> None:
    body = {**({"model": "demo", "prompt": "x"} if path == "/v1/completions" else CHAT), **own}
    answer = http.post(path, json=body, headers={**alice, name: value})
    assert (answer.status_code, answer.get_json()["error"]["param"]) == (400, name)
    assert not list(client.scan_iter("*job:*"))


def test_what_browsers_say_of_their_own_connection_is_no_priority(
    http: FlaskClient, store: Ledger, alice: dict[str, str]
) -> None:
    job = submitted(http, store, {**alice, "Priority": "u=0, i"})
    assert job is not None
    assert job.priority == "normal"


def test_what_is_not_there_is_told_to_callers_with_a_key_alone(http: FlaskClient, alice: dict[str, str]) -> None:
    assert http.get("/nowhere").status_code == 401
    assert http.get("/nowhere", headers=alice).status_code == 404
    assert http.put("/jobs").status_code == 401
    assert http.put("/jobs", headers=alice).status_code == 405


def test_an_inference_key_is_refused_by_every_admin_route(http: FlaskClient, alice: dict[str, str]) -> None:
    refused = set()
    for rule, method in calls(http):
        if rule.endpoint in ADMIN and method not in ("OPTIONS", "HEAD"):
            answer = http.open(path(rule), method=method, headers=alice)
            assert answer.status_code == 403, (rule, method)
            error = answer.get_json()["error"]
            assert (error["code"], error["type"]) == ("insufficient_scope", "permission_error")
            refused.add(rule.endpoint)
        elif rule.endpoint not in ADMIN | OPEN | {"tokens.tokenizer_info"}:  # a job, which waits for a worker
            assert http.open(path(rule), method=method, headers=alice).status_code not in (401, 403), (rule, method)
    assert refused == ADMIN


def test_anothers_job_is_not_there_on_any_route(
    http: FlaskClient, store: Ledger, alice: dict[str, str], bob: dict[str, str]
) -> None:
    """The answer is that for a job that never was, but for the id in it."""
    job_id = http.post("/jobs", json=CHAT, headers=alice).get_json()["id"]
    response_id = http.post("/v1/responses", json=RESPONSE, headers=alice).get_json()["id"]
    tried = 0
    for rule, method in calls(http):
        if not rule.arguments & {"job_id", "response_id"} or method == "OPTIONS":
            continue
        for headers in (bob, {**bob, "Last-Event-ID": "0-0"}):
            sent: dict[str, Any] = {"headers": headers, "json": {"priority": "low"} if method == "PATCH" else None}
            real = http.open(path(rule, job_id=job_id, response_id=response_id), method=method, **sent)
            never = http.open(path(rule, job_id=NOBODYS, response_id=PREFIX + NOBODYS), method=method, **sent)
            assert (real.status_code, never.status_code) == (404, 404), (rule, method)
            assert real.text.replace(job_id, NOBODYS).replace(response_id, PREFIX + NOBODYS) == never.text
        tried += 1
    assert tried >= 10
    later = {**RESPONSE, "previous_response_id": response_id}
    assert http.post("/v1/responses", json=later, headers=bob).status_code == 404
    assert http.get(f"/jobs?after={job_id}", headers=bob).status_code == 400
    found = store.jobs.get(job_id)
    assert found
    assert (found.owner, found.status, found.priority) == ("alice", "queued", "normal"), "nobody touched it"


def test_jobs_are_listed_to_their_owner_and_to_admins(
    http: FlaskClient, alice: dict[str, str], bob: dict[str, str]
) -> None:
    def listed(headers: dict[str, str], query: str = "") -> list[str]:
        return [job["id"] for job in http.get(f"/jobs{query}", headers=headers).get_json()["data"]]

    mine, his = (http.post("/jobs", json=CHAT, headers=headers).get_json()["id"] for headers in (alice, bob))
    assert listed(alice) == listed(alice, "?owner=alice") == [mine]
    assert listed(bob) == [his]
    assert listed(bearer(ADMIN_KEY), "?owner=alice") == [mine]
    assert listed(bearer(ADMIN_KEY)) == []
    for owner in ("bob", "nobody"):
        refused = http.get(f"/jobs?owner={owner}", headers=alice)
        assert (refused.status_code, code(refused)) == (403, "insufficient_scope")


def test_an_admin_sees_and_ends_anyones_job(http: FlaskClient, alice: dict[str, str]) -> None:
    job_id = http.post("/jobs", json=CHAT, headers=alice).get_json()["id"]
    assert http.get(f"/jobs/{job_id}", headers=bearer(ADMIN_KEY)).status_code == 200
    assert http.post(f"/jobs/{job_id}/cancel", headers=bearer(ADMIN_KEY)).get_json()["status"] == "cancelled"
    assert http.get(f"/jobs/{job_id}", headers=alice).get_json()["status"] == "cancelled"
    assert http.post(f"/jobs/{job_id}/retry", headers=bearer(ADMIN_KEY)).status_code == 202
    assert [job["id"] for job in http.get("/jobs", headers=alice).get_json()["data"]] == [job_id]


def test_an_idempotency_key_is_its_owners(http: FlaskClient, alice: dict[str, str], bob: dict[str, str]) -> None:
    ids = {
        http.post("/jobs", json=CHAT, headers={**headers, "Idempotency-Key": "one"}).get_json()["id"]
        for headers in (alice, bob, alice)
    }
    assert len(ids) == 2


def test_two_keys_of_one_owner_share_their_jobs(http: FlaskClient, keys: KeyStore, alice: dict[str, str]) -> None:
    job_id = http.post("/jobs", json=CHAT, headers=alice).get_json()["id"]
    assert http.get(f"/jobs/{job_id}", headers=bearer(keys.create(key("alice"))[1])).status_code == 200


def test_keys_are_made_listed_and_revoked_by_calls(http: FlaskClient) -> None:
    admin = bearer(ADMIN_KEY)
    body = {"name": "night", "owner": "alice", "limits": {"jobs_in_flight": 2, "weight": 2.5}, "expires_in": 3600}
    made = http.post("/admin/keys", json=body, headers=admin)
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    new = made.get_json()
    secret = new.pop("key")
    assert http.get("/jobs", headers=bearer(secret)).status_code == 200
    (listed,) = http.get("/admin/keys", headers=admin).get_json()["data"]
    assert {**listed, "last_used_at": None} == new
    assert listed["last_used_at"]
    assert secret not in http.get("/admin/keys", headers=admin).text
    gone = http.delete(f"/admin/keys/{new['id']}", headers=admin)
    assert gone.get_json() == {"id": new["id"], "object": "key", "deleted": True}
    assert http.get("/jobs", headers=bearer(secret)).status_code == 401
    assert http.delete(f"/admin/keys/{new['id']}", headers=admin).status_code == 404


def test_a_key_that_is_revoked_in_one_process_is_refused_in_another(
    settings: Settings, http: FlaskClient, keys: KeyStore
) -> None:
    made, secret = keys.create(key())
    fronts = [http, front(settings)]
    assert [each.get("/jobs", headers=bearer(secret)).status_code for each in fronts] == [200, 200]
    fronts[0].delete(f"/admin/keys/{made.id}", headers=bearer(ADMIN_KEY))
    assert [each.get("/jobs", headers=bearer(secret)).status_code for each in fronts] == [401, 401]


def test_an_admin_key_in_redis_may_make_keys(http: FlaskClient, keys: KeyStore) -> None:
    _, secret = keys.create(key("root", Scope.ADMIN))
    assert http.post("/admin/keys", json={"name": "a"}, headers=bearer(secret)).status_code == 201
    assert http.get("/metrics", headers=bearer(secret)).status_code == 200


def test_while_keys_are_off_everyone_may_call_and_no_key_is_made(settings: Settings, client: redis.Redis) -> None:
    http = front(settings, keys=False)
    assert http.get("/metrics").status_code == 200
    assert http.post("/jobs", json=CHAT).status_code == 202
    assert http.get("/jobs?owner=alice").status_code == 200
    refused = http.post("/admin/keys", json={"name": "a"})
    assert (refused.status_code, code(refused)) == (403, "insufficient_scope")
    assert KeyStore(client).all() == []


def test_without_redis_no_key_is_taken_for_a_good_one(settings: Settings) -> None:
    http = front(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    for rule, method in calls(http):
        if rule.endpoint not in OPEN and method != "HEAD":
            answer = http.open(path(rule), method=method, headers=bearer("cvn-" + "A" * 43))
            away = 529 if rule.endpoint.startswith(("messages.", "message_batches.")) else 503
            assert (answer.status_code, code(answer)) == (away, "broker_unavailable"), (rule, method)
    assert http.get("/v1/models").status_code == 401
    assert http.get("/healthz").status_code == 200


def test_who_may_not_call_is_told_nothing_of_the_calls_parameters(http: FlaskClient, alice: dict[str, str]) -> None:
    assert http.get("/jobs?colour=red").status_code == 401
    assert http.get("/admin/keys?colour=red", headers=alice).status_code == 403
    assert http.get("/jobs?colour=red", headers=alice).status_code == 400
    assert http.get("/metrics?colour=red", headers=bearer(ADMIN_KEY)).status_code == 200
