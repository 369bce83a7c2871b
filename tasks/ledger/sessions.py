"""Sessions of browsers in Redis: each stands under the SHA-256 of its token, which the browser alone has.

A session names the key that it was opened with, and proves that it was that one: so it ends with the key, also when the
key of the settings is replaced by another. Redis alone is of no use to guess a key: the proof is made with the token.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Final, cast

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence
from tasks.records.api_key import digest

SECONDS: Final = 12 * 3600
"""How long a session lasts: a day's work."""
MOST: Final = 100
"""Sessions of a key: without an end to them, logins would fill Redis."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open session: the id of its key, and a proof of the key's digest."""

    key_id: str
    proof: str

    def is_of(self, token: str, known: str) -> bool:
        """Whether it was opened with the key of which this is the digest; takes the same time either way."""
        return hmac.compare_digest(self.proof, _proof(token, known))


class SessionStore:
    """Reads and writes sessions. All methods raise redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def open(self, key_id: str, secret: str, *, seconds: int = SECONDS) -> str:
        """A new session of a key, for so long: its token, which is told this once. It ends the oldest of too many."""
        token = secrets.token_urlsafe(32)
        fields = {"key": key_id, "proof": _proof(token, digest(secret))}
        name, of_key = digest(token), redis_keys.sessions(key_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(redis_keys.session(name), mapping=cast("Any", fields))
        pipe.expire(redis_keys.session(name), seconds)
        pipe.lpush(of_key, name)
        pipe.lrange(of_key, MOST, -1)
        pipe.ltrim(of_key, 0, MOST - 1)
        pipe.expire(of_key, seconds)
        with refusals_as_absence():
            *_, oldest, _, _ = pipe.execute()
            if oldest:
                self._redis.delete(*map(redis_keys.session, oldest))
        return token

    def find(self, token: str) -> Session | None:
        """The session with this token, if it is open."""
        fields = cast("dict[str, str]", self._redis.hgetall(redis_keys.session(digest(token))))
        return Session(fields["key"], fields["proof"]) if fields else None

    def close(self, token: str) -> None:
        """End a session. There may be none."""
        name = digest(token)
        key_id = cast("str | None", self._redis.hget(redis_keys.session(name), "key"))
        with refusals_as_absence():
            self._redis.delete(redis_keys.session(name))
            if key_id is not None:
                self._redis.lrem(redis_keys.sessions(key_id), 0, name)


def _proof(token: str, known: str) -> str:
    return hmac.new(token.encode(), known.encode(), "sha256").hexdigest()
