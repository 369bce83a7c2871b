"""What a cluster tells of itself, asked over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caravan_client import Client
from caravan_client.errors import ServerAway
from tasks.errors import Unavailable

SHOWN_FAILURES = 5

Wire = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A cluster at one moment. What Redis would have had to tell is empty while it is away."""

    url: str
    redis_fault: str
    """Why Redis cannot be used; '' if it can."""
    models: Sequence[Wire] = ()
    queues: Sequence[Wire] = ()
    failures: Sequence[Wire] = ()
    """The caller's own jobs that failed last, newest first."""
    told: bool = True
    """Whether models, queues and failures are known."""

    def queue(self, model: str) -> Wire:
        """The queue of a model; {} if it is not told of."""
        return next((queue for queue in self.queues if queue["model"] == model), {})


def take(api: Client, url: str) -> Snapshot:
    """Ask a cluster; raises CaravanError if nothing answers, or if the caller may not ask."""
    fault = _redis_fault(api)
    try:
        models = api.call("GET", "/models")["data"]
        queues = api.call("GET", "/queues")["data"]
        failures = api.call("GET", "/jobs", params={"status": "failed", "limit": str(SHOWN_FAILURES)})["data"]
    except ServerAway:
        raise
    except Unavailable as exc:  # all of it is in Redis
        return Snapshot(url, fault or exc.message, told=False)
    return Snapshot(url, fault, models, queues, failures)


def _redis_fault(api: Client) -> str:
    try:
        api.call("GET", "/readyz")
    except ServerAway:
        raise
    except Unavailable as exc:
        return exc.message
    return ""
