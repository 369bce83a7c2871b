"""A cluster that asks for keys: the `openai` package, the command, Flower, and what is written down."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.support.cluster import Cluster, chat
from tests.support.fronts import bearer

HELLO = [{"role": "user", "content": "What is 12 + 7?"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    """Without CARAVAN_ADMIN_KEY: `caravan up` makes the first key itself."""
    env = {"CARAVAN_KEYS": "true", "CARAVAN_THREADS": "1", "CARAVAN_LOG_LEVEL": "debug"}
    env["CARAVAN_ANY_MODEL_NAME"] = "false"
    running = Cluster(folder, env=env)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.fixture(scope="module")
def admin(cluster: Cluster, folder: Path) -> str:
    return (folder / "data" / "admin-key").read_text().strip()


def caravan(cluster: Cluster, *arguments: str, key: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env={**os.environ, "CARAVAN_URL": cluster.url, "CARAVAN_API_KEY": key},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def make(cluster: Cluster, admin: str, *options: str) -> str:
    made = caravan(cluster, "keys", "create", *options, key=admin)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def client(cluster: Cluster, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{cluster.url}/v1", api_key=key, max_retries=0)


def ask(by: openai.OpenAI, model: str = "demo") -> str | None:
    return by.chat.completions.create(model=model, messages=HELLO, max_tokens=20).choices[0].message.content  # type: ignore[arg-type]


def test_a_key_is_asked_for_and_answered(cluster: Cluster, admin: str) -> None:
    with client(cluster, "none") as stranger, pytest.raises(openai.AuthenticationError) as refused:
        ask(stranger)
    assert refused.value.code == "invalid_api_key"
    with client(cluster, make(cluster, admin, "alice")) as alice:
        assert ask(alice) == "12 + 7 = 19."
        assert [model.id for model in alice.models.list()] == ["demo"]


def test_what_is_for_admins_is_permission_denied(cluster: Cluster, admin: str) -> None:
    with client(cluster, make(cluster, admin, "bob")) as bob:
        with pytest.raises(openai.PermissionDeniedError) as refused:
            bob.get("../admin/keys", cast_to=object)
        assert refused.value.code == "insufficient_scope"
        with pytest.raises(openai.NotFoundError):
            ask(bob, model="none")


def test_a_limit_is_a_rate_limit_error_with_openais_headers(cluster: Cluster, admin: str) -> None:
    secret = make(cluster, admin, "carol", "--requests", "2", "--tokens", "1000")
    with client(cluster, secret) as carol:
        raw = carol.chat.completions.with_raw_response.create(model="demo", messages=HELLO, max_tokens=20)  # type: ignore[arg-type]
        assert raw.headers["x-ratelimit-limit-requests"] == "2"
        assert raw.headers["x-ratelimit-remaining-requests"] == "1"
        assert raw.headers["x-ratelimit-remaining-tokens"] == "975"
        stream = carol.chat.completions.with_raw_response.create(
            model="demo",
            messages=HELLO,  # type: ignore[arg-type]
            max_tokens=20,
            stream=True,
        )
        assert stream.headers["x-ratelimit-remaining-requests"] == "0"
        assert list(stream.parse())
        with pytest.raises(openai.RateLimitError) as refused:
            ask(carol)
    headers = refused.value.response.headers
    assert refused.value.code == "rate_limit_exceeded"
    assert int(headers["Retry-After"]) >= 1
    assert headers["x-ratelimit-reset-requests"] in ("2m0s", "1m59s", "1m58s")


def test_a_revoked_key_is_refused_at_once_by_every_web_process(cluster: Cluster, admin: str) -> None:
    secret = make(cluster, admin, "dave")
    listed = caravan(cluster, "keys", "list", key=admin).stdout
    (key_id,) = (line.split()[0] for line in listed.splitlines() if line.split()[1] == "dave")
    assert secret not in listed
    for _ in range(20):
        assert httpx.get(f"{cluster.url}/v1/models", headers=bearer(secret)).status_code == 200
    assert caravan(cluster, "keys", "revoke", key_id, key=admin).stdout == f"{key_id} revoked\n"
    for _ in range(20):
        assert httpx.get(f"{cluster.url}/v1/models", headers=bearer(secret)).status_code == 401
    assert "no key" in caravan(cluster, "keys", "revoke", key_id, key=admin).stderr


def test_the_command_finds_the_cluster_of_its_folder(cluster: Cluster, folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".caravan").symlink_to(folder / "data")
    unset = ("CARAVAN_URL", "CARAVAN_API_KEY", "CARAVAN_REDIS_URL", "CARAVAN_ADMIN_KEY")
    env = {name: value for name, value in os.environ.items() if name not in unset}

    def keys(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app.cli", "keys", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env={**env, **more}, capture_output=True, text=True, timeout=60, check=False
        )

    made = keys("create", "found-here")
    assert (made.returncode, made.stdout[:4]) == (0, "cvn-"), made.stderr
    assert "found-here" in keys("list").stdout
    assert keys("revoke", "found-here").returncode == 0
    elsewhere = keys("list", CARAVAN_URL=cluster.url.replace("127.0.0.1", "localhost"))
    assert elsewhere.returncode == 1, "the folder's key goes to the folder's cluster alone"
    assert "API key" in elsewhere.stderr


def test_the_command_calls_with_a_key(cluster: Cluster, admin: str) -> None:
    secret = make(cluster, admin, "erin")
    assert (
        caravan(cluster, "submit", "What is the capital of Italy?", key=secret).stdout
        == "The capital of Italy is Rome.\n"
    )
    assert "asks for an API key" in caravan(cluster, "submit", "Hello").stderr
    assert "erin" not in caravan(cluster, "keys", "list", key=secret).stdout
    assert len(caravan(cluster, "jobs", "list", "--api-key", secret).stdout.splitlines()) == 2


def test_another_owners_stream_is_not_there(cluster: Cluster, admin: str) -> None:
    frank, grace = (bearer(make(cluster, admin, name)) for name in ("frank", "grace"))
    job_id = httpx.post(f"{cluster.url}/jobs", json=chat("Count to 3."), headers=frank).json()["id"]
    assert httpx.get(f"{cluster.url}/jobs/{job_id}/events", headers=grace).status_code == 404
    assert "event: done" in httpx.get(f"{cluster.url}/jobs/{job_id}/events", headers=frank, timeout=30).text


def test_flower_asks_for_its_own_password(cluster: Cluster, admin: str) -> None:
    password = (cluster.data / "flower-password").read_text().strip()
    for path in ("/", "/api/workers", "/metrics"):
        assert httpx.get(f"{cluster.flower_url}{path}").status_code == 401, path
        for wrong in ("wrong", admin):
            assert httpx.get(f"{cluster.flower_url}{path}", auth=("admin", wrong)).status_code == 401
        login = ("admin", password)
        assert httpx.get(f"{cluster.flower_url}{path}", auth=login, follow_redirects=True).status_code == 200


def test_no_secret_is_in_a_log_or_in_a_process_list(cluster: Cluster, admin: str) -> None:
    secret = make(cluster, admin, "heidi")
    wrong = "cvn-" + "W" * 43
    for key in (secret, wrong, admin):
        httpx.post(f"{cluster.url}/jobs", json=chat("Hello", temperature=9), headers=bearer(key))
        httpx.post(f"{cluster.url}/jobs", json=chat("Hello"), headers=bearer(key))
    logged = cluster.told()
    assert "request refused" in logged
    listed = "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in cluster.processes())
    for key in (secret, wrong, admin):
        assert key not in logged
        assert key not in listed


def test_the_command_asks_for_a_missing_key_in_its_own_words(cluster: Cluster) -> None:
    for arguments in (["status"], ["models", "list"], ["jobs", "list"], ["submit", "Hello"]):
        refused = caravan(cluster, *arguments)
        assert refused.returncode == 1
        assert f"{cluster.url} asks for an API key: give one by --api-key or CARAVAN_API_KEY." in refused.stderr
        assert "Authorization" not in refused.stderr


def test_the_command_says_of_a_wrong_key_that_it_is_wrong(cluster: Cluster) -> None:
    refused = caravan(cluster, "status", key="cvn-wrong")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "refuses this API key" in refused.stderr


def test_status_tells_each_key_of_its_own_models(cluster: Cluster, admin: str) -> None:
    for key in (make(cluster, admin, "own-models", "--model", "demo"), admin):
        shown = caravan(cluster, "status", key=key)
        assert shown.returncode == 0
        assert "demo" in shown.stdout
