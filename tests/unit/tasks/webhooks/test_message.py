"""What a webhook says, how it is signed, and when it is sent again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.endpoints.jobs.view import view
from tasks.records.job import Job, JobStatus
from tasks.records.outcome import Outcome
from tasks.settings import WEBHOOK_SCHEDULE
from tasks.webhooks import message
from tasks.webhooks.schedule import LONGEST_SECONDS, seconds_until_next
from tests.support.job_records import MakeJob, as_read
from tests.support.receiver import SECRET

OLD_SECRET = "whsec_" + base64.b64encode(b"o" * 32).decode()
ERROR = {"message": "No.", "type": "server_error", "param": None, "code": "engine_failure"}


def fields(job: Job) -> dict[str, str]:
    """What the ledger's scripts copy of a record."""
    fields = {**job.encode(), "status": job.status.value, "created_at": repr(job.created_at), "claims": "2"}
    if job.started_at is not None:
        fields["started_at"] = repr(job.started_at)
    if job.outcome:
        fields["usage"] = json.dumps(asdict(job.outcome.usage))
    if job.error:
        fields["error"] = json.dumps(job.error)
    return {**fields, "finished_at": repr(job.finished_at), "message": "msg_j1_17"}


def ended(make_job: MakeJob, outcome: Outcome) -> list[Job]:
    base = {"finished_at": 1700000009.25, "attempt": 2, "metadata": {"ä": "“x”"}, "timeout_seconds": 30.0}
    begun = {**base, "started_at": 1700000001.5}
    return [
        make_job(status=JobStatus.SUCCEEDED, outcome=outcome, **begun),
        make_job(status=JobStatus.FAILED, error=ERROR, **begun),
        make_job(status=JobStatus.CANCELLED, **base),
        make_job(status=JobStatus.EXPIRED, **base),
    ]


def test_a_message_tells_of_a_job_what_the_interface_shows(make_job: MakeJob, outcome: Outcome) -> None:
    for job in ended(make_job, outcome):
        body = json.loads(message.body(fields(job)))
        assert body["type"] == f"job.{job.status}"
        assert body["timestamp"] == "2023-11-14T22:13:29.250000Z"
        shown = as_read(view(job))
        assert body["data"] == {field: shown[field] for field in body["data"]}
        assert {"id", "status", "error", "usage", "metadata", "urls", "attempt"} <= set(body["data"])
        assert "result" not in body["data"]


def test_a_message_is_the_same_at_every_attempt(make_job: MakeJob, outcome: Outcome) -> None:
    for job in ended(make_job, outcome):
        assert message.body(fields(job)) == message.body(dict(reversed(fields(job).items())))


def test_a_message_is_verified_by_the_specifications_own_library() -> None:
    content = '{"a":"ä"}'.encode()
    headers = message.headers("msg_1", content, secrets=[SECRET], now=datetime.now(UTC))
    assert Webhook(SECRET).verify(content, headers) == {"a": "ä"}
    for broken in (content + b" ", content.replace(b"a", b"b")):
        with pytest.raises(WebhookVerificationError, match="No matching"):
            Webhook(SECRET).verify(broken, headers)
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(SECRET).verify(content, {**headers, "webhook-id": "msg_2"})


def test_a_signature_is_what_the_specification_says() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC)
    headers = message.headers("msg_1", b"{}", secrets=[SECRET], now=now)
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    mac = hmac.new(key, b"msg_1.1767323045.{}", hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1767323045",
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def test_while_a_secret_is_replaced_both_verify() -> None:
    headers = message.headers("msg_1", b"{}", secrets=[SECRET, OLD_SECRET], now=datetime.now(UTC))
    for secret in (SECRET, OLD_SECRET):
        assert Webhook(secret).verify(b"{}", headers) == {}


def test_an_old_message_is_not_verified() -> None:
    headers = message.headers("msg_1", b"{}", secrets=[SECRET], now=datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(SECRET).verify(b"{}", headers)


def test_attempts_are_further_and_further_apart_over_three_days() -> None:
    waits = [seconds_until_next(WEBHOOK_SCHEDULE, attempt) for attempt in range(1, 11)]
    assert waits[-1] is None
    for seconds, planned in zip(waits, WEBHOOK_SCHEDULE, strict=False):
        assert seconds is not None
        assert planned <= seconds <= planned * 1.2
    assert sum(WEBHOOK_SCHEDULE) > 3 * 86_400


def test_a_receiver_may_ask_for_more_time_but_not_for_less() -> None:
    assert seconds_until_next([5.0], 1, retry_after_seconds=60.0) == 60.0
    assert (seconds_until_next([5.0], 1, retry_after_seconds=1.0) or 0) >= 5.0
    assert seconds_until_next([5.0], 1, retry_after_seconds=1e12) == LONGEST_SECONDS
    assert seconds_until_next([5.0], 2, retry_after_seconds=60.0) is None


@pytest.mark.parametrize("name", ["receive", "verify"])
def test_what_the_page_tells_receivers_to_do_verifies_a_message(name: str) -> None:
    page = (Path(__file__).parents[4] / "docs" / "webhooks.md").read_text()
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if f"def {name}(" in block)
    there: dict[str, Any] = {}
    exec(code, there)
    now = datetime.now(UTC)
    headers = message.headers("msg_1", b'{"a":1}', secrets=[OLD_SECRET, SECRET], now=now)
    assert there[name](SECRET, headers, b'{"a":1}') == {"a": 1}
    assert there[name](SECRET, headers, b'{"a":2}') is None
    late = message.headers("msg_1", b'{"a":1}', secrets=[SECRET], now=now - timedelta(minutes=6))
    assert there[name](SECRET, late, b'{"a":1}') is None
