"""The stream of a response: a fold over its job's events.

It depends on nothing but the request and the tokens, so every event has the same number however often, wherever and
from whichever web process the job's stream is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.endpoints.openai.responses.output import Output
from app.endpoints.openai.responses.response import Status, response, skeleton
from tasks.records.event import Event
from tasks.records.job import Job, JobStatus


class ResponseEvents:
    """Makes the events of one response from its job's, which come in order from the first."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._output: Output | None = None
        self._waits = bool(job.request["response"]["background"])
        self._count = 0

    def begin(self) -> list[dict[str, Any]]:
        """What is told before anything has happened. Only of a background response is it told that it waits."""
        status = "queued" if self._waits else "in_progress"
        return self._numbered([self._status_event("created", status), self._status_event(status, status)])

    def of(self, event: Event) -> list[dict[str, Any]]:
        """The events for one of the job's. That it was begun counts once: it may be begun again by another worker."""
        made = []
        if self._waits and (event.type == "token" or event.status == JobStatus.RUNNING):
            self._waits = False
            made.append(self._status_event("in_progress", "in_progress"))
        if event.type == "token":
            self._output = self._output or Output(self._job, event.syntax)
            made += self._output.feed(event.text, event.logprobs)
            if event.finish_reason:
                made += self._output.finish(cut=event.finish_reason == "length")
        return self._numbered(made)

    def end(self, job: Job) -> list[dict[str, Any]]:
        """The last event, of the job as it ended. There is none of OpenAI's for one that was cancelled or deleted."""
        if job.outcome is not None or job.status in (JobStatus.FAILED, JobStatus.EXPIRED):
            ended = response(job)
            return self._numbered([{"type": f"response.{ended['status']}", "response": ended}])
        if job.status is JobStatus.CANCELLED:
            return self._numbered([_error("job_cancelled", "The response was cancelled.")])
        return self._numbered([_error("job_not_found", "The response was deleted, or its record has expired.")])

    def _status_event(self, what: str, status: Status) -> dict[str, Any]:
        return {"type": f"response.{what}", "response": skeleton(self._job, status)}

    def _numbered(self, events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        made = []
        for event in events:
            made.append({"type": event["type"], "sequence_number": self._count, **event})
            self._count += 1
        return made


def _error(code: str, message: str) -> dict[str, Any]:
    return {"type": "error", "code": code, "message": message, "param": None}
