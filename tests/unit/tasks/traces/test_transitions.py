"""What the ledger notes of a job's transitions, as spans."""

from __future__ import annotations

import json

import pytest

from tasks.errors import WorkerDied
from tasks.traces.context import Context
from tasks.traces.span import JobTrace, Span
from tasks.traces.transitions import spans_of

ROOT = Context("1" * 32, "2" * 16)
TRACE = JobTrace(root=ROOT, parent="3" * 16, link=Context("4" * 32, "5" * 16), asked={"gen_ai.request.max_tokens": 9})
JOB = {
    "id": "job",
    "trace": TRACE.encode(),
    "model": "demo",
    "operation": "chat",
    "priority": "normal",
    "place": "100.500000",
    "request_id": "request",
}


def noted(before: str, after: str, *, since: int = 101_000, at: str = "102.250000", **more: str) -> dict[str, str]:
    return {**JOB, "from": before, "to": after, "since": str(since), "at": at, **more}


def test_a_record_s_field_comes_back_as_it_was() -> None:
    assert JobTrace.decode(TRACE.encode()) == TRACE
    assert JobTrace.decode("") is None
    assert JobTrace.decode("no json") is None


def test_a_claim_ends_a_wait_which_does_not_begin_before_its_job() -> None:
    (wait,) = spans_of(noted("queued", "running", since=100_500 - 1))
    assert (wait.name, wait.parent, wait.start, wait.end) == ("queue", ROOT.span_id, 100.5, 102.25)


@pytest.mark.parametrize("why", ["crashed", "killed", "lease_expired", "worker_restarted"])
def test_an_attempt_whose_worker_died_is_an_error(why: str) -> None:
    (attempt,) = spans_of(noted("running", "queued", why=why, worker="demo-1", claims="2"))
    assert (attempt.error, attempt.start, attempt.end) == ("worker_died", 101.0, 102.25)
    assert attempt.attributes == {"caravan.worker": "demo-1", "caravan.attempt": 2, "caravan.given_back": why}
    assert attempt.context == TRACE.attempt(101_000)


@pytest.mark.parametrize(("why", "error"), [("drained", ""), ("outranked", ""), ("failed", "engine_failure")])
def test_an_attempt_that_was_given_back_is_an_error_only_if_it_failed(why: str, error: str) -> None:
    last = json.dumps({"message": "a text of somebody's", "code": "engine_failure"})
    (attempt,) = spans_of(noted("running", "queued", why=why, last_error=last))
    assert attempt.error == error


def ended(after: str, **more: str) -> tuple[Span, Span]:
    attempt, root = spans_of(noted("running", after) | {"claims": "1"} | more)
    return attempt, root


def test_a_job_that_was_given_an_answer_has_no_attempt() -> None:
    usage = json.dumps({"prompt_tokens": 5, "completion_tokens": 7, "cached_tokens": 5, "answer_cached": True})
    wait, root = spans_of(noted("queued", "succeeded", since=100_500, usage=usage))
    assert (wait.name, root.name, root.error) == ("queue", "chat demo", "")
    assert root.attributes["caravan.answer_cached"] is True
    assert root.attributes["caravan.attempts"] == 0


def test_a_job_that_succeeded_tells_what_it_took_in_the_conventions_words() -> None:
    usage = json.dumps({"prompt_tokens": 5, "completion_tokens": 7, "cached_tokens": 3})
    attempt, root = ended("succeeded", usage=usage, finish_reasons='["stop","length"]')
    assert (root.name, root.context, root.parent, root.link) == ("chat demo", ROOT, "3" * 16, TRACE.link)
    assert (root.start, root.end, root.error, attempt.error) == (100.5, 102.25, "", "")
    assert root.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "caravan",
        "gen_ai.request.model": "demo",
        "gen_ai.request.max_tokens": 9,
        "gen_ai.response.model": "demo",
        "gen_ai.response.id": "job",
        "gen_ai.response.finish_reasons": ["stop", "length"],
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "caravan.job.id": "job",
        "caravan.job.status": "succeeded",
        "caravan.job.priority": "normal",
        "caravan.attempts": 1,
        "caravan.request.id": "request",
    }


def test_a_failure_is_told_by_its_code_and_never_by_its_text() -> None:
    attempt, root = ended("failed", error=json.dumps(WorkerDied("a text").to_wire()))
    assert attempt.error == root.error == "worker_died"
    assert "a text" not in repr((attempt, root))


def test_a_job_that_expired_has_failed_and_one_that_was_cancelled_has_not() -> None:
    assert ended("expired")[1].error == "deadline_exceeded"
    assert ended("cancelled")[1].error == ""


def test_an_operation_has_the_name_of_the_conventions_if_they_have_one() -> None:
    names = {"response": "chat", "completion": "text_completion", "embedding": "embeddings", "rerank": "rerank"}
    for operation, name in names.items():
        *_, root = spans_of(noted("queued", "cancelled") | {"operation": operation})
        assert root.name == f"{name} demo"


def test_what_has_no_trace_that_can_be_read_is_left_out() -> None:
    assert list(spans_of(noted("running", "failed") | {"trace": "{}"})) == []
