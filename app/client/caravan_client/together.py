"""Many jobs under way over few requests: they are handed in as lists, and their results come as lists."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from caravan_client.calls import MOST_AT_ONCE, MOST_TRIES, Calls
from caravan_client.errors import passes
from caravan_client.exchange import Exchange, Waiting
from caravan_client.job import Job
from caravan_client.server_errors import CaravanError, JobNotFound

GATHER_SECONDS = 0.02
"""Jobs that come so soon after the first are handed in with it."""
BETWEEN_SECONDS = 0.05
"""From one list of results to the next."""
HELD_SECONDS = 1.0
"""How long the server is asked to hold a list of results back. A job that was handed in meanwhile is not in it."""


@dataclass(eq=False, slots=True)
class _Row:
    body: Mapping[str, Any]
    key: str
    waiting: Waiting
    ended: asyncio.Future[Job]
    tries: int = 1


class Together:
    """Runs jobs as `AsyncClient.run` does, many of them with one request. Used as ``async with``."""

    def __init__(self, calls: Calls, carry_out: Callable[[Exchange[Any]], Awaitable[Any]]) -> None:
        self._calls, self._carry_out = calls, carry_out
        self._new: list[_Row] = []
        self._open = set[_Row]()
        """All that somebody waits for."""
        self._under_way: dict[str, list[_Row]] = {}
        """By the job's id; several if one key was given several times."""
        self._has_new, self._has_some = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.ensure_future(each) for each in (self._hand_in(), self._collect())]
        for task in self._tasks:
            task.add_done_callback(self._over)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def run(self, body: Mapping[str, Any], *, idempotency_key: str) -> Job:
        """Submit a job and wait for its end; the job, however it ended. Raises the error of one that is not taken."""
        ended: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        row = _Row(body, idempotency_key, self._calls.patience.begin(), ended)
        self._open.add(row)
        try:
            self._put(row)
            return await ended
        finally:
            self._open.discard(row)

    def _over(self, task: asyncio.Task[None]) -> None:
        """A loop has ended: with an error, everybody has it who waits."""
        if not task.cancelled() and (error := task.exception()):
            for row in self._open:
                _end(row, error)

    def _put(self, row: _Row) -> None:
        self._new.append(row)
        self._has_new.set()

    async def _hand_in(self) -> None:
        while True:
            await self._has_new.wait()
            await asyncio.sleep(GATHER_SECONDS)
            rows, self._new = self._new[:MOST_AT_ONCE], self._new[MOST_AT_ONCE:]
            if not self._new:
                self._has_new.clear()
            rows = [row for row in rows if not row.ended.done()]
            try:
                asked = [row.body for row in rows]
                keys = [row.key for row in rows]
                verdicts = await self._carry_out(self._calls.submit_many(asked, idempotency_keys=keys))
            except CaravanError as exc:
                verdicts = [exc] * len(rows)
            for row, verdict in zip(rows, verdicts, strict=True):
                self._see(row, verdict)

    def _see(self, row: _Row, verdict: str | CaravanError) -> None:
        if isinstance(verdict, str):
            self._under_way.setdefault(verdict, []).append(row)
            self._has_some.set()
            return
        if not passes(verdict):
            _end(row, verdict)
            return
        try:
            seconds = row.waiting.pause(verdict)
        except CaravanError as exc:
            _end(row, exc)
        else:
            asyncio.get_running_loop().call_later(seconds, self._put, row)

    async def _collect(self) -> None:
        while True:
            self._has_some.clear()
            if not self._under_way:
                await self._has_some.wait()
            ids = list(islice(self._under_way, MOST_AT_ONCE))
            await self._collect_of(ids)
            for job_id in ids:  # the others have the next turn
                if job_id in self._under_way:
                    self._under_way[job_id] = self._under_way.pop(job_id)
            await asyncio.sleep(BETWEEN_SECONDS)

    async def _collect_of(self, ids: list[str]) -> None:
        try:
            ended = await self._carry_out(self._calls.wait_any(ids, held_seconds=HELD_SECONDS))
        except CaravanError as exc:
            for job_id in ids:
                self._end_all(job_id, exc)
            return
        for job in ended.jobs:
            self._end_all(job.id, job)
        for job_id in ended.missing:  # Redis came back without its last second, or somebody has deleted it
            for row in self._under_way.pop(job_id):
                row.tries += 1
                if row.tries > MOST_TRIES:
                    _end(row, JobNotFound(f"The job '{job_id}' was deleted before it ended."))
                else:
                    self._put(row)

    def _end_all(self, job_id: str, ending: Job | CaravanError) -> None:
        for row in self._under_way.pop(job_id):
            _end(row, ending)


def _end(row: _Row, ending: Job | BaseException) -> None:
    if row.ended.done():  # nobody waits for it any more
        return
    if isinstance(ending, Job):
        row.ended.set_result(ending)
    else:
        row.ended.set_exception(ending)
