"""A server of a few lines for bulk runs in the test's own process: it keeps jobs by their keys, as the real one."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Self

from caravan_client import Job
from caravan_client.events import StreamedEvent
from tasks.errors import CaravanError, InvalidRequest


class BulkServer:
    """Answers each row with its last message in capitals, unless `fails` gives an error for its body.

    Args:
        refuses: gives the error with which a body is refused at once.
        fails: gives the error with which its job ends.
        dies_after: SIGTERM comes instead of the next answer after so many.
    """

    def __init__(
        self,
        *,
        refuses: Callable[[dict[str, Any]], CaravanError | None] = lambda body: None,
        fails: Callable[[dict[str, Any]], CaravanError | None] = lambda body: None,
        dies_after: int | None = None,
    ) -> None:
        self.refuses, self.fails, self.dies_after = refuses, fails, dies_after
        self.jobs: dict[str, dict[str, Any]] = {}
        self.computed: list[str] = []
        """What was asked of each job that there was, in their order."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def submit(self, body: dict[str, Any], *, idempotency_key: str) -> Job:
        await asyncio.sleep(0)
        if idempotency_key in self.jobs:
            known = self.jobs[idempotency_key]
            assert known["body"] == body, "a key is of one body"
            return Job.from_wire(known)
        if len(self.computed) == self.dies_after:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(60)
        if error := self.refuses(body):
            raise error
        text = body["messages"][-1]["content"]
        self.computed.append(text)
        job: dict[str, Any] = {"id": idempotency_key, "model": "demo", "finished_at": 1.0, "body": body}
        if error := self.fails(body):
            job |= {"status": "failed", "error": error.to_wire(), "result": None}
        else:
            choice = {"text": text.upper(), "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1}
            job |= {"status": "succeeded", "error": None, "result": {"choices": [choice]}, "usage": usage}
        self.jobs[idempotency_key] = json.loads(json.dumps(job))
        return Job.from_wire(job)

    def together(self) -> Self:
        return self

    async def run(self, body: dict[str, Any], *, idempotency_key: str) -> Job:
        return await self.submit(body, idempotency_key=idempotency_key)

    async def stream(self, job: Job) -> AsyncIterator[StreamedEvent]:
        if not job.error:
            yield StreamedEvent("1-1", "token", {"index": 0, "text": ""})
        yield StreamedEvent("1-2", "done", dict(job.raw))

    async def delete(self, jobs: Sequence[Job | str]) -> None:
        for job in jobs:
            self.jobs.pop(job if isinstance(job, str) else job.id, None)

    async def call(self, *_: object) -> dict[str, Any]:
        return {"data": []}


def refuses_setting(name: str) -> Callable[[dict[str, Any]], CaravanError | None]:
    """For `refuses`: a body that has such a field is not valid."""
    return lambda body: InvalidRequest(f"'{name}' is no parameter.", param=name) if name in body else None
