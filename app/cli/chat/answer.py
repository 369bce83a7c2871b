"""One answer: a job, its stream over connections that break, and its end by Ctrl-C."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from app.cli.patience import telling
from caravan_client import Client, Job
from caravan_client.calls import Calls
from caravan_client.exchange import Patience
from tasks.errors import CaravanError, JobConflict, JobNotFound

if TYPE_CHECKING:
    from caravan_client import StreamedEvent

CANCEL_SECONDS = 5.0
"""How long Ctrl-C waits for a cluster that is away."""
MOST_TRIES = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question."""

    text: str
    finish_reason: str = ""
    """``stop`` or ``length``; '' if it was stopped."""
    note: str = ""
    """What there is to say of a stopped one beside that."""

    @property
    def stopped(self) -> bool:
        return not self.finish_reason


def ask(api: Client, body: Mapping[str, Any], show: Callable[[str], None]) -> Answer:
    """The answer to a body of ``POST /jobs``. Each piece of text is shown as it comes. Ctrl-C cancels the job.

    A job that is not there any more, because Redis came back without its last second, is submitted once more, unless
    something of it has been shown. Raises CaravanError if there is no answer.
    """
    key, pieces = str(uuid.uuid4()), list[str]()
    job: Job | None = None
    try:
        for num_left in reversed(range(MOST_TRIES)):
            job = api.submit(body, idempotency_key=key)
            try:
                job = _follow(api, job, pieces, show)
                break
            except JobNotFound:
                if pieces or not num_left:
                    raise
                job = None
        assert job is not None
        if error := job.error:
            raise error
        return Answer(job.text, job.finish_reason)
    except KeyboardInterrupt:
        return Answer("".join(pieces), note=_cancel(api, job, body, key))


def _follow(api: Client, job: Job, pieces: list[str], show: Callable[[str], None]) -> Job:
    """The job when it has ended; its text is shown, and added to `pieces`. Before, what it waits for is told."""
    stream = cast("Generator[StreamedEvent, None, None]", api.stream(job))
    # what is left of the stream, after Ctrl-C, holds a connection
    with closing(stream) as events, telling(api, job.id) as begun:
        for event in events:
            if event.kind != "status":
                begun.set()
            if event.text:
                pieces.append(event.text)
                show(event.text)
            if event.kind == "done":
                return event.job
    return api.wait(job)


def _cancel(api: Client, job: Job | None, body: Mapping[str, Any], key: str) -> str:
    """Cancel what was asked; '' or what there is to say of a job that may go on. A second Ctrl-C waits no longer.

    What was interrupted while it was submitted may have been accepted: the same key finds out.
    """
    calls = Calls(patience=Patience(CANCEL_SECONDS))
    try:
        if job is None:
            job = api.carry_out(calls.submit(body, idempotency_key=key))
        api.carry_out(calls.cancel(job))
    except (JobConflict, JobNotFound):  # it has ended meanwhile
        pass
    except (CaravanError, KeyboardInterrupt) as exc:
        why = f" {exc.message}" if isinstance(exc, CaravanError) else ""
        if job is None:
            return f"The question may have been accepted, and its job may go on.{why}"
        return f"The job goes on: `caravan jobs cancel {job.id}` cancels it.{why}"
    return ""
