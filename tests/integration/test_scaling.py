"""What workers by demand stand on, with real parts: the ledger's view, wishes for models, and programs that retire."""

from __future__ import annotations

import json
import os
import sys
import time
from math import inf
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from app.cli.up.deaths import IN_A_ROW
from app.cli.up.scaling.ledger_line import LedgerLine
from app.cli.up.scaling.scaler import Scaler
from app.cli.up.scaling.sizing import Sizing
from app.cli.up.supervisor import Program, Supervisor
from tasks.ledger import redis_keys, scaling
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.connection import connect
from tasks.ledger.ledger import Ledger
from tasks.ledger.scaling import MOST_DECISIONS, Record, Supply
from tasks.models.catalogue import Catalogue, ModelEntry, Workers
from tasks.models.plan.sizes import WORKER_BYTES
from tasks.records.job import QueueState
from tasks.settings import Settings
from tests.integration.test_ledger import accept, claim
from tests.support.fronts import ADMIN_KEY, bearer, front, key
from tests.support.jobs import completion
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

RETIRES = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up'); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"


@pytest.fixture
def http(settings: Settings, client: redis.Redis, tmp_path: Path) -> FlaskClient:
    models = tmp_path / "models.yaml"
    models.write_text("models: {a: {path: demo, workers: {min: 0}, aliases: [other/a]}, b: {path: demo}}")
    return front(settings, models_file=models)


def record(number: int, model: str = "a") -> Record:
    return Record(at=float(number), action="start", model=model, worker=f"{model}-{number}", reason="1 job waits")


def test_the_demand_of_a_model_is_read_in_one_go(store: Ledger, client: redis.Redis) -> None:
    store.workers.report("fake", "fake-1", 60.0, {"capacity": 8, "slots": 4, "job_seconds": 2.0})
    jobs = [completion() for _ in range(3)]
    for job in jobs:
        accept(store, job)
    store.line.take("fake")
    claim(store, jobs[0], "fake-1")
    store.wants.load("fake", 90.0)
    seen = scaling.demands(client, {"fake": ["fake-1"], "none": []})
    fake, none = seen["fake"], seen["none"]
    assert (fake.waiting, fake.running, fake.accepted, fake.job_seconds) == (2, 1, 3, 2.0)
    assert fake.workers == {"fake-1"}
    assert fake.held == {"fake-1": 1}
    assert 80 < fake.wanted_seconds <= 90
    assert fake.asked.startswith("load ")
    assert (none.waiting, none.accepted, none.wanted_seconds, none.asked, none.workers) == (0, 0, 0.0, "", frozenset())


def test_jobs_that_nobody_is_given_wake_nothing(store: Ledger, client: redis.Redis) -> None:
    accept(store, completion())
    assert scaling.demands(client, {"fake": []})["fake"].waiting == 1
    store.admission.set_queue_state("fake", QueueState.PAUSED)
    assert scaling.demands(client, {"fake": []})["fake"].waiting == 0


def test_the_last_decisions_are_kept_and_no_more(client: redis.Redis) -> None:
    assert scaling.recorded(client) == []
    for number in range(0, 2 * MOST_DECISIONS, 2):
        scaling.record(client, [record(number), record(number + 1)])
    kept = scaling.recorded(client)
    assert [each.at for each in kept] == [99.0 - number for number in range(MOST_DECISIONS)]


def test_what_another_release_writes_is_passed_over(client: redis.Redis) -> None:
    client.lpush(redis_keys.decisions(), '{"at": 1.0, "action": "start", "colour": "red"}', '{"at": 1.0}')
    client.set(redis_keys.supply("a"), '{"draining": 1, "colour": "red"}')
    scaling.record(client, [record(1)])
    assert scaling.recorded(client) == [record(1)]
    assert scaling.supplies(client, ["a"]) == {"a": Supply()}


def test_what_is_said_of_models_is_forgotten_by_itself(client: redis.Redis) -> None:
    scaling.say(client, {"a": Supply(draining=1, reason="It waits for room.")})
    assert scaling.supplies(client, ["a", "b"]) == {"a": Supply(draining=1, reason="It waits for room."), "b": Supply()}
    assert 0 < int(client.ttl(redis_keys.supply("a"))) <= scaling.SUPPLY_SECONDS


def test_a_model_that_is_unloaded_is_not_wanted_any_more(http: FlaskClient, client: redis.Redis) -> None:
    http.post("/models/other%2Fa/load", headers=bearer(ADMIN_KEY))
    assert http.post("/models/a/load", headers=bearer(ADMIN_KEY)).status_code == 202
    assert client.exists(redis_keys.wanted("a"))
    answer = http.post("/models/a/unload", headers=bearer(ADMIN_KEY))
    assert (answer.status_code, answer.get_json()["id"]) == (202, "a")
    assert not client.exists(redis_keys.wanted("a"))
    assert scaling.demands(client, {"a": []})["a"].asked.startswith("unload ")
    assert 0 < int(client.ttl(redis_keys.asked("a"))) <= 60


@pytest.mark.parametrize("path", ["/models/a/unload", "/models/a/load", "/models/none/unload"])
def test_the_paths_of_wishes_take_no_other_method(http: FlaskClient, path: str) -> None:
    for method in ("GET", "HEAD", "PUT"):
        answer = http.open(path, method=method, headers=bearer(ADMIN_KEY))
        assert answer.status_code == 405, method
        assert "POST" in answer.headers["Allow"]


def test_an_alias_that_looks_like_a_wish_is_shown(settings: Settings, tmp_path: Path) -> None:
    models = tmp_path / "models.yaml"
    models.write_text("models: {a: {path: demo, aliases: [re/load]}}")
    answer = front(settings, models_file=models).get("/models/re/load", headers=bearer(ADMIN_KEY))
    assert (answer.status_code, answer.get_json()["id"]) == (200, "a")


def test_an_unknown_model_is_not_unloaded(http: FlaskClient) -> None:
    answer = http.post("/models/none/unload", headers=bearer(ADMIN_KEY))
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "model_not_found")


def test_where_workers_are_fixed_nothing_is_unloaded(settings: Settings, client: redis.Redis) -> None:
    answer = front(settings).post("/models/demo/unload", headers=bearer(ADMIN_KEY))
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "workers_fixed")
    assert not client.exists(redis_keys.asked("demo"))


def test_only_admins_unload_and_see_decisions(http: FlaskClient, client: redis.Redis) -> None:
    scaling.record(client, [record(1)])
    alice = bearer(KeyStore(client).create(key("alice"))[1])
    assert http.post("/models/a/unload", headers=alice).status_code == 403
    assert http.get("/models", headers=alice).get_json()["data"][0]["decisions"] == []
    shown = http.get("/models", headers=bearer(ADMIN_KEY)).get_json()["data"]
    assert shown[0]["decisions"] == [{"at": 1.0, "action": "start", "worker": "a-1", "reason": "1 job waits"}]
    assert shown[1]["decisions"] == []


def test_a_look_at_the_ledger_comes_again_when_redis_does(redis_server: RedisServer, client: redis.Redis) -> None:
    line = LedgerLine(connect(redis_server.url), ["a"])
    line.start()
    try:
        assert until(line.take).demands.keys() == {"a"}
        redis_server.stop()
        line.post(lambda client: scaling.record(client, [record(1)]))
        until(lambda: line.take() is None)
        redis_server.start()
        assert until(line.take).demands.keys() == {"a"}
        until(lambda: scaling.recorded(client) == [record(1)], what="what was decided meanwhile is written")
    finally:
        line.close()


def gone(supervisor: Supervisor, name: str = "a-1") -> bool:
    supervisor.tend()
    return not supervisor.has(name)


def dying(supervisor: Supervisor, name: str = "a-1") -> bool:
    supervisor.tend()
    return supervisor.dies_again_and_again(name)


def program(code: str, name: str = "a-1") -> Program:
    return Program(name=name, argv=[sys.executable, "-u", "-c", code])


def test_a_program_that_retires_is_not_started_again() -> None:
    supervisor = Supervisor(lambda text: None)
    supervisor.start(program(RETIRES))
    time.sleep(0.5)  # until it handles the signal
    supervisor.retire("a-1", 5.0)
    assert supervisor.has("a-1")
    until(lambda: gone(supervisor), what="it has gone")
    supervisor.start(program(RETIRES))
    assert supervisor.has("a-1")
    supervisor.stop(0.0)


def test_a_program_that_does_not_retire_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.up.supervisor.KILL_AFTER_SECONDS", 0.5)
    supervisor = Supervisor(lambda text: None)
    supervisor.start(program(STUBBORN))
    time.sleep(0.5)
    supervisor.retire("a-1", 0.1)
    until(lambda: gone(supervisor), what="it has gone")


def test_a_program_that_is_dead_just_now_retires_at_once() -> None:
    told: list[str] = []
    supervisor = Supervisor(told.append)
    supervisor.start(program("raise SystemExit(3)"))
    until(lambda: dying(supervisor), what=f"{IN_A_ROW} deaths")
    supervisor.retire("a-1", 60.0)
    until(lambda: gone(supervisor), what="it has gone")


def test_sizes_are_asked_of_another_process_once() -> None:
    entry = ModelEntry(path="demo", slots=4, context=512)
    sizing = Sizing(Catalogue({"demo": entry, "fake": ModelEntry(path="fake")}), dict(os.environ))
    assert sizing.of("fake").bytes == WORKER_BYTES
    estimated = sizing.of("demo")
    assert WORKER_BYTES < estimated.bytes < WORKER_BYTES + (4 << 20)

    def is_told() -> bool:
        sizing.tend()
        return sizing.of("demo") != estimated

    until(is_told, seconds=60, what="the process has told")
    assert sizing.of("demo").parts.startswith("weights 1.5 MiB, cache 5.0 MiB, buffers ")
    sizing.close()


def test_sizing_that_is_ended_leaves_no_process() -> None:
    sizing = Sizing(Catalogue({"demo": ModelEntry(path="demo")}), dict(os.environ))
    sizing.tend()
    process = sizing._asked.process  # type: ignore[union-attr]
    sizing.close()
    assert process.poll() is not None


def test_a_worker_that_dies_again_and_again_is_told_under_its_own_name(
    redis_server: RedisServer, client: redis.Redis, settings: Settings, store: Ledger
) -> None:
    """Its neighbour, which serves, is not said to have failed."""
    entries = Catalogue({"a": ModelEntry(path="fake", workers=Workers(min=2, max=3))})
    supervisor = Supervisor(lambda _: None)
    scaler = Scaler(
        entries,
        budget=inf,
        drain_seconds=1.0,
        supervisor=supervisor,
        ledger=store,
        line=LedgerLine(connect(redis_server.url), list(entries)),
        sizing=Sizing(entries, dict(os.environ)),
        program=lambda name, _model: Program(
            name=name, argv=[sys.executable, "-c", RETIRES if name == "a-1" else "import sys; sys.exit(1)"]
        ),
        note=lambda _: None,
    )
    try:

        def told() -> dict[str, str]:
            scaler.tend()
            supervisor.tend()
            starts: dict[str, str] = client.hgetall(redis_keys.starts("a"))  # type: ignore[assignment]
            return {name: json.loads(start)["reason"] for name, start in starts.items()}

        assert until(told, seconds=60, what="it is told") == {
            "a-2": "Its worker a-2 dies repeatedly. The worker's log says why."
        }
    finally:
        scaler.close()
        supervisor.stop(1.0)
