"""Reading a job's stream over connections that break: no event is missed, none comes twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from caravan_client.errors import ServerAway, passes
from caravan_client.exchange import Patience, Request, Response
from caravan_client.job import Job
from caravan_client.server_errors import CaravanError

SILENCE_SECONDS = 45.0
"""After which a connection counts as broken: the server sends a comment every few seconds."""


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """One event of a job's stream; `cursor` is its place there."""

    cursor: str
    kind: str
    """``status``, ``token`` or ``done``."""
    data: dict[str, Any]

    @property
    def text(self) -> str:
        """What it adds to the first choice."""
        return str(self.data["text"]) if self.kind == "token" and self.data["index"] == 0 else ""

    @property
    def job(self) -> Job:
        """The job that has ended; of a ``done`` alone."""
        return Job.from_wire(self.data)


class EventReader:
    """What to ask next, and what came of it.

    The one who carries it out sends `request`, gives the head of the response to `opened` and each line to `feed`; says
    `closed` at its end, or `broke`, and waits as long as that says; and so on until `ended`.
    """

    def __init__(self, job_id: str, after: str, patience: Patience) -> None:
        self._job_id = job_id
        self._cursor = after
        self._waiting = patience.begin()
        self._fields: dict[str, str] = {}
        self.ended = False

    def request(self) -> Request:
        """The request that goes on after the last event."""
        headers = {"Last-Event-ID": self._cursor} if self._cursor else {}
        self._fields = {}
        return Request("GET", f"/jobs/{self._job_id}/events", headers=headers, wait_seconds=SILENCE_SECONDS)

    def opened(self, response: Response) -> None:
        """The head of the response; with the body, if it is an error. Raises that."""
        if error := response.error():
            raise error
        self.ended = response.status == 204  # its end has been seen

    def feed(self, line: str) -> StreamedEvent | None:
        """The event that a line completes."""
        if line.startswith(":"):
            self._waiting.goes_on()
            return None
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        self._waiting.goes_on()
        fields, self._fields = self._fields, {}
        if "data" not in fields:
            return None
        self._cursor = fields.get("id", self._cursor)
        self.ended = fields.get("event") == "done"
        return StreamedEvent(self._cursor, fields.get("event", ""), json.loads(fields["data"]))

    def broke(self, reason: str | CaravanError) -> float:
        """Seconds until the next request; raises what broke it, if that does not pass or has lasted too long."""
        error = ServerAway(reason) if isinstance(reason, str) else reason
        if not passes(error):
            raise error
        return self._waiting.pause(error)
