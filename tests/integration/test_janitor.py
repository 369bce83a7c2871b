"""The broker's database is kept clean of answers that nobody reads."""

from __future__ import annotations

import time

import redis

from tasks.queue.stale_replies import Janitor


def test_only_answers_that_nobody_reads_are_deleted(client: redis.Redis) -> None:
    client.lpush("dead.reply.celery.pidbox", "answer")
    client.lpush("demo", "message")
    janitor = Janitor(client, idle_seconds=2)
    time.sleep(3)
    client.lpush("alive.reply.celery.pidbox", "answer")
    assert janitor.tick() == 1
    assert sorted(map(str, client.keys())) == ["alive.reply.celery.pidbox", "demo"]
    assert janitor.tick() == 0, "it looks once a minute"
