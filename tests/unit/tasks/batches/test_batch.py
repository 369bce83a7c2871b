"""The batch's record, its ids and how it is shown; the lines that it writes."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from app.endpoints.batches.view import view
from tasks.batches.batch import Batch, BatchStatus, Checkpoint, Counts, OutputFile, Speed, new_id, window_seconds
from tasks.batches.endpoints import Guarded
from tasks.batches.output_lines import CANCELLED, EXPIRED, answered, copied, left_out, refused, result_line
from tasks.batches.speed import Pace
from tasks.errors import ContextLengthExceeded, EngineFailure, RecordTooNew
from tasks.files.record import Part
from tasks.records.api_key import Limits
from tasks.records.job import JobStatus
from tasks.records.outcome import Outcome, Usage
from tests.support.job_records import MakeJob, as_read

JOB = "5ab5d4f2-9d0a-5a49-9c7b-6f9c9b2c9d11"


def batch(**changes: Any) -> Batch:
    given: dict[str, Any] = {
        "id": "batch_" + "0" * 31 + "1",
        "owner": "alice",
        "endpoint": "/v1/chat/completions",
        "input_file_id": "file-" + "a" * 24,
        "completion_window": "24h",
        "limits": Limits(jobs_in_flight=3),
        "output": OutputFile(id="file-" + "b" * 24),
        "error": OutputFile(id="file-" + "c" * 24),
    }
    return Batch(**{**given, **changes})


def test_a_record_reads_as_it_was_written() -> None:
    made = batch(metadata={"run": "a"}, output_expires_in=3600)
    fields = {
        **made.encode(), "id": made.id, "owner": made.owner, "input_file_id": made.input_file_id,
        "status": "in_progress", "created_at": "7.5", "fence": "3", "total": "9", "completed": "2",
        "place": "[2,3,99,0]", "output_parts": '[["x.1",5]]', "lines_a_second": "1.5", "answered": "4",
    }  # fmt: skip
    assert Batch.decode(fields) == replace(
        made,
        status=BatchStatus.IN_PROGRESS,
        times={"created_at": 7.5},
        fence=3,
        total=9,
        counts=Counts(completed=2),
        checkpoint="[2,3,99,0]",
        speed=Speed(lines=1.5),
        answered=4,
        output=OutputFile(id=made.output.id, parts=(Part("x.1", 5),)),
    )
    assert Batch.decode({}) is None
    with pytest.raises(RecordTooNew):
        Batch.decode({**fields, "v": "3"})
    assert Checkpoint.decode("[2,3,99,0]") == Checkpoint(row=2, line=3, offset=99)


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86_400), ("7d", 604_800), ("90m", 5400), ("30d", 2_592_000)])
def test_a_window_is_a_time(text: str, seconds: int) -> None:
    assert window_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "24", "h", "0h", "-1h", "1.5h", "31d", "24H", " 24h", "1w", "99999m", "24h\n"])
def test_what_is_no_time_is_no_window(text: str) -> None:
    with pytest.raises(ValueError, match="window"):
        window_seconds(text)


def test_a_row_has_the_same_job_whoever_asks_and_another_in_another_round() -> None:
    one = batch(id=new_id())
    assert one.job_id(7) == replace(one, fence=9, owner="bob").job_id(7)
    ids = {one.job_id(7), one.job_id(8), replace(one, round=1).job_id(7), batch(id=new_id()).job_id(7)}
    assert len(ids) == 4
    assert all(str(uuid.UUID(each)) == each for each in ids)


def test_lines_are_openais() -> None:
    ok = answered(JOB, "a", {"object": "x"}, Usage(prompt_tokens=5, completion_tokens=7, cached_tokens=2))
    assert json.loads(ok.text) == {
        "id": "batch_req_5ab5d4f29d0a5a499c7b6f9c9b2c9d11",
        "custom_id": "a",
        "response": {"status_code": 200, "request_id": JOB, "body": {"object": "x"}},
        "error": None,
    }
    assert ok.text.endswith(b"}\n")
    assert ok.counts == Counts(completed=1, input_tokens=5, cached_tokens=2, output_tokens=7)
    bad = refused(JOB, "b\n\u2028", ContextLengthExceeded("Too long.", param="messages"))
    assert bad.text.count(b"\n") == 1
    assert json.loads(bad.text)["response"] == {
        "status_code": 400,
        "request_id": JOB,
        "body": {
            "error": {
                "message": "Too long.",
                "type": "exceed_context_size_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
    }
    for why, code in ((EXPIRED, "batch_expired"), (CANCELLED, "batch_cancelled")):
        line = json.loads(left_out(JOB, "c", why).text)
        assert (line["response"], line["error"]["code"]) == (None, code)
    assert (ok.failed, bad.failed, left_out(JOB, "c", EXPIRED).failed) == (False, True, True)


def test_a_line_that_did_not_run_has_failed_and_has_no_answer() -> None:
    counts = Counts(completed=3, failed=1) + left_out(JOB, "c", CANCELLED).counts
    times = {"created_at": 1.0, "expires_at": 2.0}
    ended = view(batch(status=BatchStatus.CANCELLED, total=5, counts=counts, answered=5, times=times))
    assert ended["request_counts"] == {"total": 5, "completed": 3, "failed": 2}
    assert ended["progress"]["answered"] == 4
    closing = view(batch(status=BatchStatus.CANCELLING, total=9, counts=counts, answered=6, times=times))
    assert closing["progress"]["answered"] == 6


def test_an_earlier_line_counts_as_it_did() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 2}}
    line = answered(JOB, "a", {"usage": usage}, Usage(prompt_tokens=5, completion_tokens=7, cached_tokens=2))
    assert copied(line.text.rstrip(b"\n")) == line
    usage = {"input_tokens": 5, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 2}}
    line = answered(JOB, "a", {"usage": usage}, Usage(prompt_tokens=5, completion_tokens=7, cached_tokens=2))
    assert copied(line.text.rstrip(b"\n")) == line


def test_a_batch_is_shown_as_openai_does_and_how_it_goes_on() -> None:
    running = batch(
        status=BatchStatus.IN_PROGRESS,
        times={"created_at": 7.9, "expires_at": 99.0},
        total=10,
        counts=Counts(completed=3, failed=1, input_tokens=5, output_tokens=6),
        answered=6,
        speed=Speed(lines=2.0, tokens=20.0),
        error=OutputFile(id="file-" + "c" * 24, parts=(Part("x.1", 5),)),
    )
    shown = view(running)
    assert (shown["created_at"], shown["expires_at"], shown["completed_at"]) == (7, 99, None)
    assert (shown["output_file_id"], shown["error_file_id"]) == (None, "file-" + "c" * 24)
    assert shown["request_counts"] == {"total": 10, "completed": 3, "failed": 1}
    assert shown["usage"]["total_tokens"] == 11
    assert shown["progress"] == {
        "answered": 6, "round": 1, "lines_per_second": 2.0, "tokens_per_second": 20.0, "eta_seconds": 2,
        "stalled": None,
    }  # fmt: skip
    paused = view(replace(running, times={**running.times, "paused_at": 8.0}))["progress"]
    assert (paused["lines_per_second"], paused["eta_seconds"]) == (0.0, None)
    assert as_read(view(replace(running, stalled="storage_full")))["progress"]["stalled"]["code"] == "storage_full"


def test_the_pace_is_that_of_the_last_seconds() -> None:
    pace = Pace(0.0)
    for second in range(1, 61):
        speed = pace.note(float(second), Counts(completed=2 * second, output_tokens=10 * second))
    assert speed == Speed(lines=2.0, tokens=10.0)
    for second in range(61, 91):
        speed = pace.note(float(second), Counts(completed=120, output_tokens=600))
    assert speed == Speed()


class _Broken:
    """Endpoints with a fault of their own."""

    def models(self, limits: Limits) -> list[str]:
        return ["demo"]

    def job(self, batch: Batch, job_id: str, body: Any) -> Any:
        raise ZeroDivisionError

    def answer(self, batch: Batch, job: Any) -> Any:
        raise ZeroDivisionError


def test_a_fault_of_ours_fails_the_line_and_not_the_batch(make_job: MakeJob, outcome: Outcome) -> None:
    guarded = Guarded(_Broken())
    with pytest.raises(EngineFailure):
        guarded.job(batch(), JOB, {})
    answer = partial(guarded.answer, batch())
    line = result_line(JOB, "a", make_job(status=JobStatus.SUCCEEDED, outcome=outcome), answer)
    assert line.failed
    assert json.loads(line.text)["response"]["status_code"] == 500
