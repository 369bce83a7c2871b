"""`caravan keys` straight in Redis: how the first key of a cluster is made."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from app.cli import main
from tasks.ledger.api_keys import KeyStore
from tasks.records.api_key import Limits, Scope
from tasks.records.job import Priority
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front
from tests.support.redis_server import free_port


def caravan(url: str | None, *arguments: str, **env: str | None) -> Result:
    return CliRunner().invoke(
        main, ["keys", *arguments], env={"CARAVAN_REDIS_URL": url, "CARAVAN_API_KEY": None, "CARAVAN_URL": None, **env}
    )


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


@pytest.mark.parametrize("name", ["", "a:b", "a b", "a" * 65, "-a", "a\n"])
def test_a_name_that_makes_no_sense_is_refused_in_words(settings: Settings, client: redis.Redis, name: str) -> None:
    refused = caravan(settings.redis_url, "create", "--", name)
    assert "name: it must begin with a letter or a digit" in refused.stderr
    assert "pattern" not in refused.stderr
    assert client.keys() == []


def test_the_list_says_what_a_key_may(settings: Settings, client: redis.Redis) -> None:
    limits = "--requests 1 --jobs 3 -m demo --priority low --weight 2.5"
    caravan(settings.redis_url, "create", "night", *limits.split())
    caravan(settings.redis_url, "create", "day")
    head, night, day = caravan(settings.redis_url, "list").stdout.splitlines()
    assert head.split()[:8] == ["ID", "NAME", "OWNER", "REQ/MIN", "JOBS", "MODELS", "PRIORITY", "WEIGHT"]
    assert night.split()[1:6] == ["night", "night", "1", "3", "demo"]
    assert night.split()[-6:-3] == ["low", "2.5", "inference"]
    assert day.split()[1:8] == ["day", "day", "-", "-", "any", "high", "1"]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, ["ID", "NAME", "REQ/MIN", "TOK/MIN", "JOBS", "MODELS", "PRIORITY", "WEIGHT"]),
        (50, ["ID", "NAME", "REQ/MIN", "TOK/MIN"]),
    ],
)
def test_no_line_of_the_list_wraps(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, width: int, shown: list[str]
) -> None:
    monkeypatch.setattr("app.cli.lists.screen_width", lambda: width)
    limits = "--requests 100 --tokens 100000 --jobs 30 --priority normal --weight 2.5 -m demo"
    caravan(settings.redis_url, "create", "a-key-with-a-long-name", *limits.split())
    lines = caravan(settings.redis_url, "list").stdout.splitlines()
    assert all(len(line) <= width for line in lines)
    assert lines[0].split() == shown
    assert "100000" in lines[1].split()


def test_there_are_no_keys_in_words(settings: Settings, client: redis.Redis) -> None:
    assert caravan(settings.redis_url, "list").stdout == "No keys.\n"


def test_keys_of_one_name_are_told_apart(settings: Settings, client: redis.Redis) -> None:
    url = settings.redis_url
    first, second = (caravan(url, "create", "twin").stderr for _ in range(2))
    ids = [made.split(",")[0] for made in (first, second)]
    assert "Other keys" not in first
    assert f"Other keys have this name: {ids[0]}." in second
    refused = caravan(url, "revoke", "twin")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert all(key_id in refused.stderr for key_id in ids)
    assert caravan(url, "revoke", ids[0]).stdout == f"{ids[0]} revoked\n"
    assert caravan(url, "revoke", "twin").stdout == f"{ids[1]} revoked\n"


def test_a_limit_on_a_model_that_there_is_not_names_the_nearest(settings: Settings, client: redis.Redis) -> None:
    http = front(settings)
    for model, hint in (("dmeo", "Did you mean 'demo'?"), ("gpt", "There are: demo.")):
        body = {"name": "alice", "limits": {"models": ["demo", model]}}
        answer = http.post("/admin/keys", json=body, headers=bearer(ADMIN_KEY))
        error = answer.get_json()["error"]
        assert (answer.status_code, error["param"]) == (404, "limits.models.1")
        assert error["message"] == f"There is no model '{model}'. {hint}"
    assert KeyStore(client).all() == []


def test_what_is_wrong_is_said_without_pydantics_words(settings: Settings, client: redis.Redis) -> None:
    refused = caravan(settings.redis_url, "create", "local")
    assert refused.stderr == "Error: owner: The owners 'admin' and 'local' are reserved. Give the key another owner.\n"


def test_nothing_there_says_every_way_to_say_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nothing = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setattr("app.cli.keys_there.read_settings", lambda: Settings.model_construct(redis_url=nothing))
    monkeypatch.setattr(Settings, "model_fields_set", frozenset())
    answer = caravan(None, "list")
    assert "No cluster runs from this folder" in answer.stderr
    assert answer.exit_code == 1
    assert all(word in answer.stderr for word in ("CARAVAN_REDIS_URL", "CARAVAN_URL", "CARAVAN_API_KEY"))


def test_a_redis_that_is_away_is_said_so() -> None:
    answer = caravan(f"redis://127.0.0.1:{free_port()}/0", "list")
    assert answer.exit_code == 1
    assert "CARAVAN_REDIS_URL" in answer.stderr
