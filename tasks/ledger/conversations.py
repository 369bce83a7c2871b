"""Jobs by the conversations that their clients named, so that a client finds its stream again by that name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence

MODEL_SIGN: Final = "::"
"""llama-server's clients write the model behind a conversation's id."""
MOST: Final = 64
"""Streams that are kept of one id with different models behind it."""


@dataclass(frozen=True, slots=True)
class ConversationStream:
    """The job of a conversation's last answer, and what its stream tells beside the text."""

    job_id: str
    include_usage: bool = False
    continuous_usage: bool = False


class Conversations:
    """Reads and writes them. An owner sees its own alone. All methods raise redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis, *, seconds: int) -> None:
        self._redis = client
        self._seconds = seconds

    def begin(self, owner: str, name: str, stream: ConversationStream) -> ConversationStream | None:
        """Note a conversation's new stream; the one that had its name before, if there is one."""
        key = _key(owner, name)
        with refusals_as_absence():
            if self._redis.hlen(key) >= MOST:
                self._redis.delete(key)
            pipe = self._redis.pipeline(transaction=True)
            pipe.hget(key, name)
            pipe.hset(key, name, json.dumps(asdict(stream)))
            pipe.expire(key, self._seconds)
            before, *_ = pipe.execute()
        return _read(before)

    def find(self, owner: str, name: str) -> ConversationStream | None:
        """A conversation's stream, if there is one."""
        return _read(self._redis.hget(_key(owner, name), name))

    def of_all_models(self, owner: str, name: str) -> dict[str, ConversationStream]:
        """A conversation's streams by their names: its own, and those that have a model behind it."""
        found = cast("dict[str, str]", self._redis.hgetall(_key(owner, name)))
        meant = {each: _read(text) for each, text in found.items() if _means(name, each)}
        return {each: stream for each, stream in meant.items() if stream is not None}

    def forget(self, owner: str, name: str) -> None:
        """Keep a conversation's stream no longer. There may be none."""
        with refusals_as_absence():
            self._redis.hdel(_key(owner, name), name)


def _key(owner: str, name: str) -> str:
    """One hash for an id and all models behind it. A client chooses the id, so it may have any characters."""
    return redis_keys.conversation(owner, hashlib.sha256(name.split(MODEL_SIGN)[0].encode()).hexdigest())


def _means(name: str, other: str) -> bool:
    return other == name or other.startswith(f"{name}{MODEL_SIGN}")


def _read(text: Any) -> ConversationStream | None:
    return ConversationStream(**json.loads(text)) if text else None
