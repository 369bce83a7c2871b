"""Whatever two owners send, the front answers, soon, and not with a failure of its own; and afterwards all is at rest.

`make fuzz` runs it for longer.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.cluster import Cluster, chat
from tests.support.fronts import ADMIN_KEY, bearer
from tests.support.nonsense import Nonsense, Request
from tests.support.waiting import until

SECONDS = float(os.environ.get("CARAVAN_TEST_FUZZ_SECONDS", "20"))
SEED = int(os.environ.get("CARAVAN_TEST_SEED", "1"))
CLIENTS_OF_EACH = 2
PATIENCE_SECONDS = 60
"""No answer, streams included, takes longer: the context bounds what a job may generate."""
MODELS = """
models:
  demo: {path: demo, slots: 8, context: 128, kv_tokens: 1024}
  vectors: {path: fake, kind: embedding, slots: 64, context: 128}
  scores: {path: fake, kind: rerank, slots: 64, context: 128}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    env = {"CARAVAN_MAX_WAIT_SECONDS": "2", "CARAVAN_KEYS": "true", "CARAVAN_ADMIN_KEY": ADMIN_KEY}
    running = Cluster(tmp_path_factory.mktemp("fuzz"), models=MODELS, env=env)
    running.http.headers.update(bearer(ADMIN_KEY))
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def test_nonsense_breaks_nothing(cluster: Cluster) -> None:
    examples = _examples(cluster)
    answer = cluster.http.post("/v1/chat/completions", json=chat("Hi", grammar='root ::= "Hi"'))
    assert answer.status_code == 200, "the process that tries grammars has started"
    before = set(cluster.processes())
    ends = time.monotonic() + SECONDS
    owners = {owner: _caller(cluster, owner) for owner in ("alice", "bob")}
    callers = [*owners.values()] * CLIENTS_OF_EACH
    with ThreadPoolExecutor(len(callers)) as pool:
        clients = [
            pool.submit(_client, cluster, caller, Nonsense(examples, SEED * 1000 + number), ends)
            for number, caller in enumerate(callers)
        ]
    statuses = sum((client.result() for client in clients), Counter[int]())
    print(f"{statuses.total()} requests: {dict(sorted(statuses.items()))}")  # noqa: T201 - what -s is for
    assert {200, 202, 400, 404, 413} <= set(statuses), "all kinds of answers were seen"

    until(lambda: _at_rest(cluster.figures()), seconds=60, what="nothing runs and nothing waits")
    for status in ("queued", "running"):
        assert cluster.http.get("/jobs", params={"status": status}).json()["data"] == []
    alice, bob = (_ids(cluster, caller) for caller in owners.values())
    assert alice
    assert bob
    assert not alice & bob, "each sees its own alone"
    assert set(cluster.processes()) == before, "no process died"
    for fault in ("request failed", "Traceback (most recent call last)"):
        assert fault not in cluster.told()
    answer = cluster.http.post("/v1/chat/completions", json=chat("What is 12 + 7?", temperature=0)).json()
    assert answer["choices"][0]["message"]["content"] == "12 + 7 = 19."


def _examples(cluster: Cluster) -> dict[str, list[dict[str, Any]]]:
    """Bodies that are right, of every path that is posted to, as the API's document shows them."""
    paths = cluster.http.get("/openapi.json").json()["paths"]
    found: dict[str, list[dict[str, Any]]] = {}
    for path, methods in paths.items():
        if "post" in methods:
            content = methods["post"].get("requestBody", {}).get("content", {}).get("application/json", {})
            found[path] = [example["value"] for example in content.get("examples", {}).values()]
    return found


def _caller(cluster: Cluster, owner: str) -> dict[str, str]:
    """The header of a new key."""
    made = cluster.http.post("/admin/keys", json={"name": owner, "owner": owner})
    assert made.status_code == 201, made.text
    return bearer(made.json()["key"])


def _ids(cluster: Cluster, caller: dict[str, str]) -> set[str]:
    jobs = httpx.get(f"{cluster.url}/jobs", headers=caller, params={"limit": 100}).json()["data"]
    return {job["id"] for job in jobs}


def _client(cluster: Cluster, caller: dict[str, str], nonsense: Nonsense, ends: float) -> Counter[int]:
    statuses: Counter[int] = Counter()
    with httpx.Client(base_url=cluster.url, headers=caller, timeout=PATIENCE_SECONDS) as http:
        while time.monotonic() < ends:
            request = nonsense.request()
            statuses[_send(http, request)] += 1
    return statuses


def _send(http: httpx.Client, request: Request) -> int:
    began = time.monotonic()
    try:
        response = http.post(request.path, content=request.content, headers=request.headers)
    except httpx.TransportError as exc:
        raise AssertionError(f"{exc!r} after {time.monotonic() - began:.0f} s: {_shown(request)}") from exc
    assert time.monotonic() - began < PATIENCE_SECONDS, _shown(request)
    assert response.status_code < 500, f"{response.status_code} {response.text[:500]}: {_shown(request)}"
    if "X-Request-Id" not in response.headers:
        assert response.status_code in (400, 414, 431), f"{response.status_code} of gunicorn's: {_shown(request)}"
    elif response.status_code >= 400:
        assert _has_form(request.path, response.json()), _shown(request)
    return response.status_code


def _has_form(path: str, told: dict[str, Any]) -> bool:
    """Whether a failure is told as the clients of its call read it."""
    if path.startswith("/api/"):
        return set(told) == {"error", "type", "param", "code"} and isinstance(told["error"], str)
    return set(told["error"]) - {"n_prompt_tokens", "n_ctx"} == {"message", "type", "param", "code"}


def _shown(request: Request) -> str:
    """The request, so that it can be sent again; a large one goes into a file."""
    shown = f"POST {request.path[:200]} {request.headers} "
    if len(request.content) < 2000:
        return f"{shown}{request.content!r}"
    kept = Path(os.environ.get("TMPDIR", "/tmp")) / f"nonsense-{abs(hash(request.content))}.json"
    kept.write_bytes(request.content)
    return f"{shown}{request.content[:300]!r}... ({kept})"


def _at_rest(figures: dict[str, float]) -> bool:
    resting = ("caravan_queue_depth", "caravan_jobs_running", "caravan_worker_busy", "caravan_worker_held")
    found = [value for name, value in figures.items() if name.startswith(resting)]
    return bool(found) and not any(found)
