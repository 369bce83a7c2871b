"""No owner reads another: by the names of keys, by lists, and by names that are the server's own."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from tasks.files.store import open_files, uploaded
from tasks.ledger import redis_keys, scripts
from tasks.ledger.api_keys import KeyStore
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front, key
from tests.support.redis_fixtures import redis_server

__all__ = ["redis_server"]

ODD_OWNERS = ("old", "line", "held", "out", "pending", "LIMITER", "x")
parts_of_names = st.text(max_size=4) | st.sampled_from(["", ":", "%", "%%", "old", "%old", "out", "pending", "a:b"])


@pytest.fixture
def http(settings: Settings, client: redis.Redis, tmp_path: Path) -> FlaskClient:
    return front(settings.model_copy(update={"files_dir": tmp_path / "files"}))


def upload(http: FlaskClient, secret: str) -> str:
    fields = {"purpose": "batch", "file": (io.BytesIO(b"{}\n"), "in.jsonl")}
    answer = http.post("/v1/files", data=fields, headers=bearer(secret))
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["id"])


@tries(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(parts=st.lists(parts_of_names, min_size=3, max_size=3))
def test_scripts_name_keys_as_python_does(client: redis.Redis, parts: list[str]) -> None:
    given = [part.encode(errors="replace").decode() for part in parts]
    for called, name in redis_keys.NAMES.items():
        function = called if called.endswith("_channel") else f"{called}_key"
        call = f"{function}({', '.join(f'ARGV[{at + 1}]' for at in range(len(name.parts)))})"
        assert client.eval(f"{scripts.head(call)} return {call}", 0, *given) == name(*given[: len(name.parts)])


@pytest.mark.parametrize("owner", ODD_OWNERS)
def test_whatever_an_owner_is_called_it_lists_its_own_and_nothing_else(
    http: FlaskClient, client: redis.Redis, owner: str
) -> None:
    _, alice = KeyStore(client).create(key("alice"))
    made = http.post("/admin/keys", json={"name": owner}, headers=bearer(ADMIN_KEY))
    assert made.status_code == 201, made.text
    hers, own = upload(http, alice), upload(http, made.get_json()["key"])
    listed = http.get("/v1/files", headers=bearer(made.get_json()["key"])).get_json()["data"]
    assert [file["id"] for file in listed] == [own]
    assert http.get(f"/v1/files/{hers}", headers=bearer(made.get_json()["key"])).status_code == 404


def test_files_of_an_owner_called_old_are_not_swept_as_old_ones(
    client: redis.Redis, settings: Settings, tmp_path: Path
) -> None:
    files = open_files(settings.model_copy(update={"files_dir": tmp_path / "files"}), client)
    file_id, writer = files.begin()
    writer.close()
    files.keep(uploaded(file_id, owner="old", filename="a", purpose="batch", part=writer.part), expires_in=None)
    assert files.tidy() == 0
    assert files.get(file_id) is not None


def test_a_list_looks_at_whose_a_record_is(http: FlaskClient, client: redis.Redis, settings: Settings) -> None:
    """Were an index ever to name another's file, batch or job, the list would not show it."""
    _, alice = KeyStore(client).create(key("alice"))
    _, mallory = KeyStore(client).create(key("mallory"))
    file = upload(http, alice)
    batch = http.post(
        "/v1/batches",
        json={"input_file_id": file, "endpoint": "/v1/completions", "completion_window": "24h"},
        headers=bearer(alice),
    ).get_json()["id"]
    job = http.post("/jobs", json={"model": "demo", "prompt": "x"}, headers=bearer(alice)).get_json()["id"]
    for index, thing in ((redis_keys.files, file), (redis_keys.batches, batch), (redis_keys.owned, job)):
        client.zadd(index("mallory"), {thing: 1})
    for path in ("/v1/files", "/v1/batches", "/jobs"):
        assert len(http.get(path, headers=bearer(alice)).get_json()["data"]) == 1, path
        assert http.get(path, headers=bearer(mallory)).get_json()["data"] == [], path


def test_everybodys_jobs_are_an_admins_to_list(http: FlaskClient, client: redis.Redis) -> None:
    """Also where an earlier release made a key for an owner of this name."""
    secrets = {owner: KeyStore(client).create(key(owner))[1] for owner in ("alice", "bob", "*")}
    job = {"model": "demo", "prompt": "x"}
    ids = [http.post("/jobs", json=job, headers=bearer(secret)).get_json()["id"] for secret in secrets.values()]
    ids.append(http.post("/jobs", json=job, headers=bearer(ADMIN_KEY)).get_json()["id"])

    def listed(secret: str, **query: str) -> list[str]:
        answer = http.get("/jobs", query_string={"owner": "*", **query}, headers=bearer(secret))
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.get_json()["data"]]

    assert listed(ADMIN_KEY) == ids[::-1]
    assert listed(ADMIN_KEY, limit="2") == ids[:1:-1]
    assert listed(ADMIN_KEY, limit="2", after=ids[2]) == ids[1::-1]
    assert listed(ADMIN_KEY, dead_letter="true") == []
    assert listed(secrets["*"]) == [ids[2]]
    refused = http.get("/jobs", query_string={"owner": "*"}, headers=bearer(secrets["alice"]))
    assert refused.status_code == 403, refused.text
    unknown = http.get("/jobs", query_string={"owner": "*", "after": "none"}, headers=bearer(ADMIN_KEY))
    assert unknown.status_code == 400, unknown.text


@pytest.mark.parametrize("body", [{"name": "local"}, {"name": "admin"}, {"name": "x", "owner": "admin"}])
@pytest.mark.parametrize("scopes", [["inference"], ["admin"]])
def test_no_key_is_made_for_the_owners_of_the_server(
    http: FlaskClient, body: dict[str, str], scopes: list[str]
) -> None:
    answer = http.post("/admin/keys", json={**body, "scopes": scopes}, headers=bearer(ADMIN_KEY))
    assert answer.status_code == 400, answer.text
    assert answer.get_json()["error"]["param"] == "owner"
    assert "reserved" in json.dumps(answer.get_json())


def test_a_key_may_be_called_as_they_are_if_its_owner_is_another(http: FlaskClient) -> None:
    answer = http.post("/admin/keys", json={"name": "admin", "owner": "alice"}, headers=bearer(ADMIN_KEY))
    assert answer.status_code == 201, answer.text
