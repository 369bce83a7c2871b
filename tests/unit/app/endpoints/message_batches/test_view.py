"""A batch, and what came of its lines, in Anthropic's words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.endpoints.message_batches.body import MessageBatchBody, input_lines
from app.endpoints.message_batches.view import message_batch, not_run, page
from app.endpoints.message_batches.wire import BatchedCounts
from app.factory import create_app
from tasks.batches.batch import Batch, BatchStatus, Counts, new_id
from tasks.batches.input_lines import Line, read
from tasks.errors import InvalidRequest, ModelNotFound
from tasks.settings import Settings
from tests.support.job_records import as_read

LINE = b'{"custom_id": "a", "method": "POST", "url": "/v1/messages", "body": {"model": "demo"}}'


def batch(status: str = "in_progress", **more: Any) -> Batch:
    times = {"created_at": 10.0, "expires_at": 86_410.0, **more.pop("times", {})}
    return Batch(
        id=new_id(),
        owner="alice",
        endpoint="/v1/messages",
        input_file_id="file-1",
        completion_window="24h",
        status=BatchStatus(status),
        times=times,
        total=9,
        **more,
    )


def counted(status: str, **counts: int) -> dict[str, int]:
    made: BatchedCounts = message_batch(batch(status, counts=Counts(**counts)))["request_counts"]
    assert sum(made.values()) == 9  # type: ignore[arg-type]
    return {name: value for name, value in made.items() if value}  # type: ignore[misc]


def test_counts_add_up_to_the_requests_at_any_time() -> None:
    assert counted("validating") == {"processing": 9}
    assert counted("in_progress", completed=4, failed=1) == {"processing": 4, "succeeded": 4, "errored": 1}
    assert counted("completed", completed=7, failed=2) == {"succeeded": 7, "errored": 2}
    left = {"completed": 2, "failed": 7, "left_out": 6}
    assert counted("cancelled", **left) == {"succeeded": 2, "errored": 1, "canceled": 6}
    assert counted("expired", **left) == {"succeeded": 2, "errored": 1, "expired": 6}
    assert counted("failed") == {"errored": 9}
    assert counted("cancelled") == {"canceled": 9}


def test_its_status_is_one_of_three_and_results_come_with_the_end() -> None:
    for status in ("validating", "in_progress", "finalizing"):
        shown = as_read(message_batch(batch(status)))
        assert (shown["processing_status"], shown["ended_at"], shown["results_url"]) == ("in_progress", None, None)
    cancelling = message_batch(batch("cancelling", times={"cancelling_at": 20.5}))
    assert (cancelling["processing_status"], cancelling["cancel_initiated_at"]) == (
        "canceling",
        "1970-01-01T00:00:20.500000Z",
    )
    one = batch("completed", times={"completed_at": 30.0, "finalizing_at": 29.0})
    ended = message_batch(one)
    assert (ended["processing_status"], ended["ended_at"]) == ("ended", "1970-01-01T00:00:30Z")
    assert ended["results_url"] == f"/v1/messages/batches/{ended['id']}/results"
    assert ended["id"] == one.id.replace("batch_", "msgbatch_")


def test_a_page_says_whether_there_is_more_on_its_far_side() -> None:
    found = [batch() for _ in range(3)]
    after, before = page(found, limit=2, before=False), page(found, limit=2, before=True)
    ids = [message_batch(each)["id"] for each in found]
    assert (after["first_id"], after["last_id"], after["has_more"]) == (ids[0], ids[1], True)
    assert (before["first_id"], before["last_id"], before["has_more"]) == (ids[1], ids[2], True)
    assert page([], limit=2, before=False) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_requests_of_a_batch_that_ended_before_the_first_have_a_result_each() -> None:
    assert not_run(batch("cancelled"), LINE) == {"custom_id": "a", "result": {"type": "canceled"}}
    assert not_run(batch("expired"), LINE) == {"custom_id": "a", "result": {"type": "expired"}}
    fault = {"code": "model_not_found", "message": "There is no model 'demo'.", "param": "body.model", "line": 1}
    with create_app(Settings()).test_request_context():
        from flask import g

        g.request_id = "r1"
        made: Any = not_run(replace(batch("failed"), errors=(fault,)), LINE)
        told = made["result"]
        assert (told["type"], told["error"]["request_id"]) == ("errored", "r1")
        assert told["error"]["error"]["message"] == "There is no model 'demo'."
        made = not_run(batch("failed"), LINE)
        assert made["result"]["type"] == "errored"


@pytest.mark.parametrize("line", [b"garbage", b"[]", b"null", b"{}", b'{"custom_id": 1}', b"[" * 100_000])
def test_a_line_without_an_id_has_no_result(line: bytes) -> None:
    assert not_run(batch("failed"), line) is None


def own_name(name: str) -> str:
    if name not in ("", "demo", "alias"):
        raise ModelNotFound(f"There is no model '{name}'.")
    return "demo"


def test_each_request_is_a_line_that_the_clerk_takes_with_the_models_own_name() -> None:
    sent = [{"custom_id": "a", "params": {"model": "alias", "x": "\u2028é"}}, {"custom_id": "b", "params": {}}]
    lines = input_lines(MessageBatchBody(requests=sent), own_name, longest=1000)  # type: ignore[arg-type]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    found = [read(Line(1, line[:-1], 0), endpoint="/v1/messages", longest=1000) for line in lines]
    assert [request.custom_id for request in found] == ["a", "b"]
    assert [request.body for request in found] == [{"model": "demo", "x": "\u2028é"}, {"model": "demo"}]


@pytest.mark.parametrize(
    ("requests", "param", "kind"),
    [
        ([("a", {}), ("a", {})], "requests.1.custom_id", InvalidRequest),
        ([("a", {}), ("b", {"model": "x"})], "requests.1.params.model", ModelNotFound),
        ([("a", {"model": ["demo"]})], "requests.0.params.model", InvalidRequest),
        ([("a", {"model": "x" * 300})], "requests.0.params.model", InvalidRequest),
        ([("a", {"system": "x" * 1000})], "requests.0.params", InvalidRequest),
    ],
)
def test_what_is_wrong_is_named_by_its_place(requests: Any, param: str, kind: type[InvalidRequest]) -> None:
    body = MessageBatchBody(requests=[{"custom_id": name, "params": params} for name, params in requests])  # type: ignore[misc]
    with pytest.raises(kind) as refused:
        input_lines(body, own_name, longest=1000)
    assert refused.value.param == param


def test_a_number_beyond_a_float_is_refused_rather_than_fail_the_other_requests() -> None:
    sent = [{"custom_id": "a", "params": {}}, {"custom_id": "b", "params": {"temperature": float("inf")}}]
    with pytest.raises(InvalidRequest, match="A number is too large"):
        input_lines(MessageBatchBody(requests=sent), own_name, longest=1000)  # type: ignore[arg-type]
