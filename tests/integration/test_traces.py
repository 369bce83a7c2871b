"""What a program that sends no traces loads of them: nothing; and what the ledger notes of a job without one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import redis

from tasks.ledger import redis_keys, traced
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.traces.tracer import open_tracer
from tests.support.jobs import completion

PROGRAMS = "import app.factory, app.cli.clerk, tasks.clerk, tasks.worker.serving, caravan_client, sys"


def test_without_an_endpoint_no_program_loads_what_sends_traces() -> None:
    """redis-py 8.1 loads the SDK's metrics wherever they are installed (findings/redis-py-8-loads-opentelemetry.sh)."""
    loaded = "name.startswith(('opentelemetry.exporter', 'opentelemetry.sdk.trace', 'opentelemetry.proto'))"
    told = f"{PROGRAMS}; print([name for name in sys.modules if {loaded}])"
    assert subprocess.check_output([sys.executable, "-c", told], text=True).strip() == "[]"


def test_only_jobs_with_a_trace_are_noted_and_each_transition_once(client: redis.Redis, store: Ledger) -> None:
    for job in (replace(completion(), id="silent"), replace(completion(), id="told", trace='{"root":"x"}')):
        store.admission.submit(job, longest_queue=10)
        store.leases.claim(job.id, Holder("w", "d"), model=job.model, call=job.id)
        store.admission.cancel(job.id)
        store.admission.cancel(job.id)
    noted = traced.take(client)
    assert [(each["id"], each["from"], each["to"]) for each in noted] == [
        ("told", "queued", "running"),
        ("told", "running", "cancelled"),
    ]
    assert noted[1]["worker"] == "w"
    assert client.exists(redis_keys.traced()) == 0


@pytest.mark.parametrize(
    "more",
    [
        {"OTEL_BSP_MAX_QUEUE_SIZE": "100"},
        {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5000"},
        {"OTEL_BSP_SCHEDULE_DELAY": "soon"},
        {"OTEL_SPAN_LINK_COUNT_LIMIT": "5"},
        {"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
        {"OTEL_TRACES_SAMPLER": "none of them"},
    ],
)
def test_what_is_not_refused_fails_nothing(more: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", **more}.items():
        monkeypatch.setenv(name, value)
    tracer = open_tracer("a")
    assert tracer is not None
    tracer.close()
