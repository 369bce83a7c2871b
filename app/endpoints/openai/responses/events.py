"""The stream of a response: a fold over its job's events.

It depends on nothing but the request and the tokens, so every event has the same number however often, wherever and
from whichever web process the job's stream is read.
"""

from __future__ import annotations

from itertools import count
from typing import Literal

from app.endpoints.openai.responses.output import Output
from app.endpoints.openai.responses.response import response, skeleton
from app.endpoints.openai.responses.stream_wire import ErrorEvent, ResponseEvent, ResponseStreamEvent, StatusEventType
from app.endpoints.openai.responses.wire import ResponseObject
from app.endpoints.openai.timings import RunningTimings, prompt_progress, timings
from tasks.records.event import TELLS_TIMES, Event
from tasks.records.job import Job, JobStatus

_ENDED: dict[str, StatusEventType] = {
    "completed": "response.completed",
    "incomplete": "response.incomplete",
    "failed": "response.failed",
}


class ResponseEvents:
    """Makes the events of one response from its job's, which come in order from the first."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._output: Output | None = None
        self._waits = bool(job.request["response"]["background"])
        self._numbers = count()
        self._timings = RunningTimings(job)

    def begin(self) -> list[ResponseStreamEvent]:
        """What is told before anything has happened. Only of a background response is it told that it waits."""
        status: Literal["queued", "in_progress"] = "queued" if self._waits else "in_progress"
        begun = self._event("response.created", skeleton(self._job, status))
        return [begun, self._status_event(status)]

    def of(self, event: Event) -> list[ResponseStreamEvent]:
        """The events for one of the job's. That it was begun counts once: it may be begun again by another worker."""
        made: list[ResponseStreamEvent] = []
        if self._waits and (event.type in ("progress", "token") or event.status == JobStatus.RUNNING):
            self._waits = False
            made.append(self._status_event("in_progress"))
        if event.type == "progress":
            told = self._status_event("in_progress")
            told["prompt_progress"] = prompt_progress(event)
            made.append(told)
        if event.type == "token":
            self._output = self._output or Output(self._job, event.syntax, numbers=self._numbers)
            made += self._output.feed(event.text, event.logprobs)
            if event.finish_reason:
                made += self._output.finish(cut=event.finish_reason == "length")
        if taken := self._timings.of(event):
            for each in made:
                each["timings"] = taken
        return made

    def end(self, job: Job) -> ResponseStreamEvent:
        """The last event, of the job as it ended. There is none of OpenAI's for one that was cancelled or deleted."""
        if job.outcome is not None or job.status in (JobStatus.FAILED, JobStatus.EXPIRED):
            ended = response(job)
            told = self._event(_ENDED[ended["status"]], ended)
            if job.outcome is not None and job.request.get(TELLS_TIMES):
                told["timings"] = timings(job.outcome)
            return told
        if job.status is JobStatus.CANCELLED:
            return self._error("job_cancelled", "The response was cancelled.")
        return self._error("job_not_found", "The response was deleted, or its record has expired.")

    def _status_event(self, status: Literal["queued", "in_progress"]) -> ResponseEvent:
        kind: StatusEventType = "response.queued" if status == "queued" else "response.in_progress"
        return self._event(kind, skeleton(self._job, status))

    def _event(self, kind: StatusEventType, response: ResponseObject) -> ResponseEvent:
        return {"type": kind, "sequence_number": next(self._numbers), "response": response}

    def _error(self, code: str, message: str) -> ErrorEvent:
        number = next(self._numbers)
        return {"type": "error", "sequence_number": number, "code": code, "message": message, "param": None}
