"""Calls without input and output: a call is a generator of requests and pauses, which is given the responses.

So `Client` and `AsyncClient` share all that is to be known of the interface: each only carries out one step.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar

from caravan_client.errors import ServerAway, from_response, passes
from caravan_client.proxies import Proxy, through
from caravan_client.server_errors import CaravanError

MARGIN_SECONDS = 15.0
"""How long an answer may take beside the time that it was asked to be held back."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FormFile:
    """An open file under a name, with the other fields of its form."""

    content: BinaryIO
    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Args:
        wait_seconds: how long the server is asked to hold the answer back.
        again: whether it may be sent a second time when it is not known what became of the first.
        file: sent as a form, from its beginning at each attempt, in place of `body`.
    """

    method: str
    path: str
    body: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    again: bool = True
    file: FormFile | None = None

    @property
    def timeout_seconds(self) -> float:
        return self.wait_seconds + MARGIN_SECONDS


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing, for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, and through which proxy."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    proxy: Proxy | None = None

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as exc:
            raise ServerAway(f"The server at this address{through(self.proxy)} is not Caravan.") from exc

    def error(self) -> CaravanError | None:
        """The error that it tells of, if it does."""
        if self.status < 400:
            return None
        return from_response(self.status, self.headers.get("retry-after"), self.body, self.proxy)


class Broken(Exception):
    """Thrown into an exchange when a request has no response. `sent`: the server may have seen it."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


Exchange = Generator[Request | Pause, Response | None, T]
"""A call: it yields what is to be done, is sent the response to a request, and returns what was asked for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long failures that pass by themselves are waited out, in seconds; None is for ever.

    `on_wait` hears of each such failure, and of the seconds until the next attempt.
    """

    seconds: float | None = 300.0
    on_wait: Callable[[CaravanError, float], None] | None = None
    clock: Callable[[], float] = time.monotonic

    def begin(self) -> Waiting:
        return Waiting(self, self.clock())


@dataclass(slots=True)
class Waiting:
    """The failures of one call, since it last went on."""

    patience: Patience
    since: float
    num_failures: int = 0

    def pause(self, error: CaravanError) -> float:
        """Seconds until the next attempt; raises the error if that would be too late."""
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**self.num_failures)
        seconds = longest * random.uniform(0.5, 1)  # those who failed together do not all come again together
        if error.retry_after_seconds and not isinstance(error, ServerAway):
            seconds = max(seconds, error.retry_after_seconds)
        limit = self.patience.seconds
        if limit is not None and self.patience.clock() + seconds > self.since + limit:
            raise error
        self.num_failures += 1
        if self.patience.on_wait:
            self.patience.on_wait(error, seconds)
        return seconds

    def goes_on(self) -> None:
        """Something was heard: what fails from now on is a new failure."""
        self.since, self.num_failures = self.patience.clock(), 0


def call(request: Request, patience: Patience) -> Exchange[Any]:
    """The JSON that a request is answered with. Waits and raises as `fetch` does."""
    response = yield from fetch(request, patience)
    return response.json() if response.body else None


def fetch(request: Request, patience: Patience) -> Exchange[Response]:
    """The response to a request. Waits for what passes by itself; raises the server's other errors."""
    waiting = patience.begin()
    while True:
        error: CaravanError | None
        try:
            response = yield request
        except Broken as exc:
            error = ServerAway(str(exc))
            if exc.sent and not request.again:
                raise error from exc
        else:
            assert response is not None, "a request is answered by a response"
            error = response.error()
            if error is None:
                return response
            if not passes(error):
                raise error
        yield Pause(waiting.pause(error))
