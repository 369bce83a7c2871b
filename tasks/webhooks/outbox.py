"""The outbox of webhooks in the ledger. A job's end puts something into it: `conclude` in lua/lib/end.lua."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import redis

from tasks.ledger.scripts import Scripts
from tasks.records.api_key import LOCAL_OWNER
from tasks.settings import Settings

LEASE_SPARE_SECONDS = 10.0
"""How much longer a webhook is held than an attempt to send it may take."""


@dataclass(frozen=True, slots=True)
class Held:
    """A webhook that is ours to send: what is to be told, and the number of the call that got it."""

    fields: Mapping[str, str]

    @property
    def job_id(self) -> str:
        return self.fields["id"]

    @property
    def message_id(self) -> str:
        """What the receiver knows it by: the same at every attempt, another for every end of the job."""
        return self.fields["message"]

    @property
    def call(self) -> str:
        return self.fields["calls"]

    @property
    def owner(self) -> str:
        """Whose secret it is signed with. One of the release before, whose job is forgotten, has none."""
        return self.fields.get("owner", LOCAL_OWNER)

    @property
    def attempts(self) -> int:
        """Those that are over."""
        return int(self.fields["attempts"])


class Outbox:
    """Webhooks from the end of their jobs until they are delivered. Raises redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis, *, connections: int, share: int, unclaimed: float, lease: float) -> None:
        self._run = Scripts(client)
        self._limits = (connections, share, unclaimed)
        self.lease_seconds = lease

    def post(self) -> list[str]:
        """Choose webhooks that are due, as many as there is room for, to be published; the ids of their jobs."""
        ids: list[str] = self._run("hooks_post", *self._limits)
        return ids

    def claim(self, job_id: str) -> Held | None:
        """Hold a webhook that was posted, until the lease ends; None if it is held, put off or settled."""
        flat = self._run("hooks_claim", job_id, self.lease_seconds)
        return Held(dict(zip(flat[::2], flat[1::2], strict=True))) if flat else None

    def settle(
        self, held: Held, verdict: str, *, seconds: float = 0.0, status: int | None = None, error: str | None = None
    ) -> bool:
        """Write down how an attempt went; whether it was still ours.

        Args:
            verdict: ``delivered``, ``failed`` for good, or ``pending``: it is due again in so many `seconds`.
        """
        shown = "" if status is None else status, error or ""
        answer = self._run("hooks_settle", held.job_id, held.message_id, held.call, verdict, seconds, *shown)
        return str(answer) == "ok"


def open_outbox(settings: Settings, client: redis.Redis) -> Outbox:
    """The outbox that the settings describe."""
    return Outbox(
        client,
        connections=settings.webhook_connections,
        share=max(1, settings.webhook_connections // 4),
        unclaimed=settings.unclaimed_seconds,
        lease=settings.webhook_timeout_seconds + LEASE_SPARE_SECONDS,
    )
