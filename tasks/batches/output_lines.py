"""The lines that a batch writes, in OpenAI's form. Pure functions.

A line's ids are made of the batch and the row, so a line that is made twice is the same twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tasks.batches.batch import Counts
from tasks.errors import CaravanError
from tasks.records.ending import failure
from tasks.records.job import Job
from tasks.records.outcome import Usage


class Left(NamedTuple):
    """Why a line was not run: OpenAI's words for it."""

    code: str
    message: str


EXPIRED = Left("batch_expired", "This request could not be executed before the completion window expired.")
CANCELLED = Left("batch_cancelled", "This request was not executed before the batch was cancelled.")


@dataclass(frozen=True, slots=True)
class ResultLine:
    """A line that is to be written, to the output or to the errors, and what it adds to the counts."""

    text: bytes
    counts: Counts

    @property
    def failed(self) -> bool:
        return bool(self.counts.failed)


def answered(job_id: str, custom_id: str, body: Mapping[str, Any], usage: Usage) -> ResultLine:
    """The answer of a job that succeeded."""
    response = {"status_code": 200, "request_id": job_id, "body": body}
    counts = Counts(
        completed=1,
        input_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.completion_tokens,
    )
    return ResultLine(_line(job_id, custom_id, response=response), counts)


def refused(job_id: str, custom_id: str, error: CaravanError) -> ResultLine:
    """The failure of a line, as its endpoint would have answered."""
    response = {"status_code": error.http_status, "request_id": job_id, "body": {"error": error.to_wire()}}
    return ResultLine(_line(job_id, custom_id, response=response), Counts(failed=1))


def left_out(job_id: str, custom_id: str, why: Left) -> ResultLine:
    """A line that was not run."""
    return ResultLine(_line(job_id, custom_id, error=why._asdict()), Counts(failed=1, left_out=1))


def copied(text: bytes) -> ResultLine:
    """A line of an earlier output. Raises ValueError or KeyError if it is none."""
    usage = json.loads(text)["response"]["body"].get("usage", {})
    read = usage.get("prompt_tokens", usage.get("input_tokens", 0))
    details = usage.get("prompt_tokens_details", usage.get("input_tokens_details", {}))
    kept = usage.get("cache_read_input_tokens", 0)  # Anthropic counts these apart
    written = usage.get("completion_tokens", usage.get("output_tokens", 0))
    cached = details.get("cached_tokens", kept)
    counts = Counts(completed=1, input_tokens=read + kept, cached_tokens=cached, output_tokens=written)
    return ResultLine(text + b"\n", counts)


def result_line(job_id: str, custom_id: str, job: Job, answer: Callable[[Job], Mapping[str, Any]]) -> ResultLine:
    """What came of a job that has ended, as the line of a row whose own job has this id."""
    job = replace(job, id=job_id)
    if job.outcome is None:
        return refused(job_id, custom_id, failure(job))
    try:
        return answered(job_id, custom_id, answer(job), job.outcome.usage)
    except CaravanError as exc:
        return refused(job_id, custom_id, exc)


def _line(job_id: str, custom_id: str, *, response: Any = None, error: Any = None) -> bytes:
    value = {
        "id": f"batch_req_{job_id.replace('-', '')}",
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
