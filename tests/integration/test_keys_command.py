"""`caravan keys` straight in Redis: how the first key of a cluster is made."""

from __future__ import annotations

import pytest
import redis
from click.testing import CliRunner, Result

from app.cli import main
from tasks.ledger.api_keys import KeyStore
from tasks.records.api_key import Limits, Scope
from tasks.records.job import Priority
from tasks.settings import Settings
from tests.support.fronts import bearer, front
from tests.support.redis_server import free_port


def caravan(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments], env={"CARAVAN_REDIS_URL": url, "CARAVAN_API_KEY": None})


def test_a_first_key_is_made_shown_once_and_revoked(settings: Settings, client: redis.Redis) -> None:
    url = settings.redis_url
    made = caravan(url, "create", "root", "--scope", "admin", "--scope", "inference", "--days", "1")
    secret, key_id = made.stdout.strip(), made.stderr.split(",")[0]
    http = front(settings, admin_key=None)
    assert http.get("/admin/keys", headers=bearer(secret)).status_code == 200
    listed = caravan(url, "list").stdout
    assert key_id in listed
    assert "admin,inference" in listed
    assert secret not in listed
    assert caravan(url, "revoke", key_id).stdout == f"{key_id} revoked\n"
    assert http.get("/admin/keys", headers=bearer(secret)).status_code == 401
    again = caravan(url, "revoke", key_id)
    assert (again.exit_code, key_id in again.stderr) == (1, True)


def test_every_limit_reaches_the_key(settings: Settings, client: redis.Redis) -> None:
    options = "--owner alice --requests 1 --tokens 2 --jobs 3 -m demo -m other --priority low --weight 2.5"
    secret = caravan(settings.redis_url, "create", "night", *options.split()).stdout.strip()
    key = KeyStore(client).find(secret)
    assert key
    assert (key.name, key.owner, set(key.scopes), key.expires_at) == ("night", "alice", {Scope.INFERENCE}, None)
    assert key.limits == Limits(
        requests_per_minute=1,
        tokens_per_minute=2,
        jobs_in_flight=3,
        models=("demo", "other"),
        priority=Priority.LOW,
        weight=2.5,
    )


@pytest.mark.parametrize(
    "arguments", [["create", "a:b"], ["create", "a", "--requests", "0"], ["create", "a", "-m", ""]]
)
def test_a_key_that_makes_no_sense_is_not_made(settings: Settings, client: redis.Redis, arguments: list[str]) -> None:
    assert caravan(settings.redis_url, *arguments).exit_code != 0
    assert client.keys() == []


def test_a_redis_that_is_away_is_said_so() -> None:
    answer = caravan(f"redis://127.0.0.1:{free_port()}/0", "list")
    assert answer.exit_code == 1
    assert "CARAVAN_REDIS_URL" in answer.stderr
