"""A secret opens one thing, and no program has one that it does not need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from app.cli.up.own_redis import own_redis
from app.cli.up.secrets_of_programs import NEEDED_BY, withheld_from
from app.cli.up.supervisor import Program
from tasks.ledger.api_keys import KeyStore
from tasks.records.api_key import Scope
from tasks.settings import Settings
from tests.support.cluster import Cluster
from tests.support.fronts import ADMIN_KEY, bearer, front, key
from tests.support.receiver import SECRET
from tests.support.redis_fixtures import redis_server

__all__ = ["redis_server"]

METRICS_KEY, PASSWORD, OWN_KEY = "m" * 40, "f" * 40, "o" * 40
SECRETS = {
    "CARAVAN_ADMIN_KEY": ADMIN_KEY,
    "CARAVAN_METRICS_KEY": METRICS_KEY,
    "CARAVAN_FLOWER_PASSWORD": PASSWORD,
    "CARAVAN_WEBHOOK_SECRET": SECRET,
    "CARAVAN_WEBHOOK_SHARED_SECRET": "whsec_" + "c2hhcmVk" * 4,
    "caravan_api_key": OWN_KEY,
    "HF_TOKEN": "hf_" + "t" * 30,
}


KINDS = {"web": "web", "clerk": "clerk", "flower": "flower", "worker": "tasks.worker"}
"""What each program's processes have among their arguments."""


def secrets_in(pid: int) -> set[str]:
    """The variables of a process that hold one of the secrets."""
    lines = Path(f"/proc/{pid}/environ").read_text().split("\0")
    variables = dict(line.partition("=")[::2] for line in lines)
    return {name.upper() for name, value in variables.items() if value in SECRETS.values()}


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings, metrics_key=METRICS_KEY)


def test_the_metrics_key_opens_the_metrics_and_nothing_else(http: FlaskClient, client: redis.Redis) -> None:
    _, made = KeyStore(client).create(key("prometheus", Scope.METRICS))
    for secret in (METRICS_KEY, made):
        assert http.get("/metrics", headers=bearer(secret)).status_code == 200
        for path in ("/jobs", "/v1/models", "/v1/files", "/admin/keys", "/queues", "/webhooks/secret"):
            refused = http.get(path, headers=bearer(secret))
            assert (refused.status_code, refused.get_json()["error"]["code"]) == (403, "insufficient_scope"), path
        assert http.post("/jobs", json={"model": "demo", "prompt": "x"}, headers=bearer(secret)).status_code == 403


def test_a_key_for_inference_does_not_open_the_metrics(http: FlaskClient, client: redis.Redis) -> None:
    _, made = KeyStore(client).create(key("alice"))
    refused = http.get("/metrics", headers=bearer(made))
    assert (refused.status_code, "'metrics'" in refused.get_json()["error"]["message"]) == (403, True)
    assert http.get("/metrics", headers=bearer(ADMIN_KEY)).status_code == 200
    assert http.get("/metrics").status_code == 401


def test_an_admin_makes_a_key_for_prometheus(http: FlaskClient) -> None:
    body = {"name": "prometheus", "scopes": ["metrics"]}
    made = http.post("/admin/keys", json=body, headers=bearer(ADMIN_KEY)).get_json()
    assert made["scopes"] == ["metrics"]
    assert http.get("/metrics", headers=bearer(made["key"])).status_code == 200


def test_a_program_is_started_without_what_is_withheld_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("Caravan_Admin_Key", "x")
    program = Program(name="w", argv=[], env={"CARAVAN_ADMIN_KEY": "y", "A": "b"}, withheld=withheld_from("worker"))
    assert {name for name in program.environment if name.upper() in NEEDED_BY} <= {"HF_TOKEN"}
    assert program.environment["A"] == "b"


def test_redis_is_told_no_secret_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    server = own_redis(tmp_path)
    server.close()
    assert set(SECRETS.values()).isdisjoint(server.program.environment.values())


def test_each_program_of_a_cluster_has_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, env={**SECRETS, "CARAVAN_KEYS": "true"})
    cluster.start()
    try:
        for kind, argument in KINDS.items():
            needed = {name for name, kinds in NEEDED_BY.items() if kind in kinds}
            for pid in cluster.pids_of(argument):
                assert secrets_in(pid) == needed & {name.upper() for name in SECRETS}, (kind, pid)
        # Nothing else that belongs to the cluster has a secret, but what was started with all of them.
        told = {pid for pid in cluster.processes() if ADMIN_KEY in Path(f"/proc/{pid}/environ").read_text()}
        assert told == {cluster.process.pid, *cluster.pids_of("web")}
    finally:
        cluster.stop()
    assert os.environ.get("CARAVAN_ADMIN_KEY") is None
