"""The command while Redis is away: `caravan status` tells, and the answer of a chat goes on."""

from __future__ import annotations

import json

from tests.e2e.test_chat import LONG, begun, chatting, newest, say, text_of
from tests.e2e.test_command import run
from tests.support.cluster import Cluster
from tests.support.redis_server import RedisServer


def test_status_tells_of_a_redis_that_is_away(cluster: Cluster, server: RedisServer) -> None:
    server.kill()
    shown = run(cluster, "status")
    told = json.loads(run(cluster, "status", "--json").stdout)
    server.start()
    assert (shown.returncode, shown.stderr) == (1, "")
    assert "Redis    not usable\n" in shown.stdout
    assert [trouble["about"] for trouble in told["to_do"]] == ["Redis"]
    assert (told["redis"]["usable"], told["models"]) == (False, None)


def test_the_answer_of_a_chat_goes_on_when_redis_is_back(cluster: Cluster, server: RedisServer) -> None:
    with chatting(cluster, "fake", *LONG) as process:
        say(process, "Hello")
        first = begun(process)
        server.kill()
        server.start()
        rest, _ = process.communicate(timeout=120)
    job = cluster.job(newest(cluster)["id"])
    assert (job["status"], job["usage"]["completion_tokens"]) == ("succeeded", 300)
    assert first + rest == f"{text_of(job)}\n"
    assert process.returncode == 0
