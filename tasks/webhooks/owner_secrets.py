"""What webhooks are signed with: a secret of each owner, so that whoever can verify one owner's cannot forge another's.

An owner's secret is made of the server's by HMAC, so nothing secret is kept. Redis knows how often the owner has had a
new one, and whether the present one was shown. The jobs of nobody's key (the owner `local`) are signed with the
server's secret itself: without keys there is one owner.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import cast

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence
from tasks.ledger.scripts import Scripts
from tasks.records.api_key import LOCAL_OWNER

PREFIX = "whsec_"
OVERLAP_SECONDS = 86_400
"""So long a secret that was replaced signs beside the new one."""
MOST_REPLACED = 2
"""So many replaced secrets sign at once: the one in use, and one that was made and whose answer got lost."""


def derive(secret: str, owner: str, turn: int) -> str:
    """An owner's secret: of one of the server's, and of how often the owner has replaced it."""
    if owner == LOCAL_OWNER:
        return secret
    made = hmac.new(_key(secret), f"caravan webhooks of an owner\0{turn}\0{owner}".encode(), hashlib.sha256)
    return PREFIX + base64.b64encode(made.digest()).decode()


class OwnerSecrets:
    """Raises redis-py's errors when Redis is away.

    Args:
        server: the server's secrets, the newest first.
        shared: those that messages of all owners are signed with as well.
    """

    def __init__(self, client: redis.Redis, *, server: Sequence[str], shared: Sequence[str] = ()) -> None:
        self._redis = client
        self._run = Scripts(client)
        self._server = tuple(server)
        self._shared = tuple(shared)

    def show(self, owner: str) -> str | None:
        """The owner's secret, this once; None if it was shown before."""
        turn = self._run("hook_secret_show", owner, self._server_id())
        return None if turn is None else derive(self._server[0], owner, int(turn))

    def replace(self, owner: str) -> str:
        """A new secret of the owner. The one before signs for `OVERLAP_SECONDS` more."""
        turn = self._run("hook_secret_replace", owner, self._server_id(), OVERLAP_SECONDS, MOST_REPLACED)
        return derive(self._server[0], owner, int(turn))

    def signing(self, owner: str) -> tuple[str, ...]:
        """Those that a message of the owner is signed with, the newest first."""
        if owner == LOCAL_OWNER:
            return (*self._server, *self._shared)
        with refusals_as_absence():
            kept = cast("dict[str, str]", self._redis.hgetall(redis_keys.hook_secret(owner)))
            seconds, _ = self._redis.time()
        turns = sorted(
            (int(name.removeprefix("until:")) for name, until in kept.items() if _lasts(name, until, seconds)),
            reverse=True,
        )
        present = int(kept.get("turn", 0))
        own = [derive(secret, owner, turn) for turn in (present, *turns) for secret in self._server]
        return (*own, *self._shared)

    def _server_id(self) -> str:
        """Names the server's newest secret without telling it: with another, the owner's is another, and is shown."""
        return hmac.new(_key(self._server[0]), b"caravan webhooks: which secret", hashlib.sha256).hexdigest()[:16]


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))


def _lasts(name: str, until: str, now: float) -> bool:
    return name.startswith("until:") and float(until) > now
