"""Batches in Redis: their records, the line of those that wait for a clerk, and who works on which.

Every write that decides something is one Lua script under ``tasks/ledger/lua``, so a clerk may die between any
two calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import redis

from tasks.batches.batch import VERSIONS, Batch, BatchStatus, OutputFile
from tasks.files.record import VERSIONS as FILE_VERSIONS
from tasks.files.record import encode_parts, new_id
from tasks.ledger import redis_keys
from tasks.ledger.connection import connect
from tasks.ledger.scripts import Scripts
from tasks.settings import Settings

Act = Literal["cancel", "pause", "resume", "retry"]
SWEPT_AT_ONCE = 200
MOST_KEPT = 2000
"""Batches of an owner: their records have some 10 KB at most."""


@dataclass(frozen=True, slots=True)
class BatchControl:
    """What is asked of the clerk that works on a batch. `waiting` are the batches that wait for a clerk."""

    status: BatchStatus
    paused: bool
    expired: bool
    waiting: int


class BatchStore:
    """Reads and writes batches. All methods raise redis-py's errors when Redis is away."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        most: int,
        lease_seconds: float,
        unclaimed_seconds: float,
        ttl: int,
        most_stored: int | None = None,
        most_kept: int = MOST_KEPT,
    ) -> None:
        """A store.

        Args:
            most_stored: bytes that the files of all owners may have; None is any number.
            most_kept: batches of an owner; of more, the first that have ended are forgotten.
        """
        self._redis = client
        self._run = Scripts(client)
        self._most = most
        self._unclaimed_seconds = unclaimed_seconds
        self._ttl = ttl
        self._most_stored = most_stored
        self._most_kept = most_kept
        self.lease_seconds = lease_seconds

    # -- the front

    def create(self, batch: Batch, *, window_seconds: int, files_of: str) -> str:
        """Accept a batch: ``created``, or ``unknown`` or ``purpose`` for its input, or ``many`` of its owner's.

        Args:
            files_of: whose file the input has to be; empty is anyone's.
        """
        record = [part for pair in batch.encode().items() for part in pair]
        verdict = self._run(
            "batch_create",
            batch.id,
            batch.owner,
            batch.input_file_id,
            files_of,
            window_seconds,
            self._most_kept,
            *record,
        )
        return str(verdict)

    def get(self, batch_id: str) -> Batch | None:
        """The batch; None if there is none."""
        return Batch.decode(cast("dict[str, str]", self._redis.hgetall(redis_keys.batch(batch_id))))

    def owned(
        self, owner: str, *, after: str | None, limit: int, before: str | None = None, endpoint: str | None = None
    ) -> list[Batch]:
        """An owner's batches, newest first: the next ones after one of them, or those just before one.

        Raises LookupError if that one is not the owner's.

        Args:
            endpoint: only those of this endpoint.
        """
        key, cursor, place, found = redis_keys.batches(owner), after or before, 0, list[Batch]()
        if cursor is not None:
            rank = self._redis.zrank(key, cursor) if before else self._redis.zrevrank(key, cursor)
            if rank is None:
                raise LookupError(cursor)
            place = cast("int", rank) + 1
        while len(found) < limit:
            ids = cast("list[str]", self._redis.zrange(key, place, place + limit - 1, desc=not before))
            place += len(ids)
            pipe = self._redis.pipeline(transaction=False)
            for batch_id in ids:
                pipe.hgetall(redis_keys.batch(batch_id))
            read = (Batch.decode(fields) for fields in pipe.execute())
            found += [each for each in read if each and each.owner == owner and endpoint in (None, each.endpoint)]
            if len(ids) < limit:
                break
        return found[:limit][::-1] if before else found[:limit]

    def ask(self, batch_id: str, act: Act, *, owner: str = "") -> str:
        """``ok``, ``unknown``, ``none`` or ``gone`` for a retry, or the status of a batch that is past it."""
        files = (new_id(), new_id()) if act == "retry" else ()
        return str(self._run("batch_ask", batch_id, owner, act, *files)[0])

    def forget(self, batch_id: str, *, owner: str) -> str:
        """Forget a batch that has ended: ``forgotten``, ``unknown``, or its status if it has not."""
        return str(self._run("batch_forget", batch_id, owner))

    # -- the clerk

    def post(self) -> list[str]:
        """Choose batches to be published, as many as there is room for; their ids."""
        ids: list[str] = self._run("batches_post", self._most, self._unclaimed_seconds)
        return ids

    def claim(self, batch_id: str, clerk: str) -> Batch | None:
        """Hold a batch that was posted until the lease ends; None if it is held by another, or gone."""
        found = self._run("batch_claim", batch_id, clerk, self.lease_seconds, VERSIONS.start, VERSIONS[-1])
        if not found:
            return None
        fence, *flat = found
        return Batch.decode({**dict(zip(flat[::2], flat[1::2], strict=True)), "fence": str(fence)})

    def extend(self, batch: Batch) -> BatchControl | None:
        """Extend the lease; what is asked, or None if the batch is lost."""
        status, *rest = self._run("batch_extend", batch.id, batch.fence, self.lease_seconds)
        if status == "lost":
            return None
        paused, expired, waiting = map(int, rest)
        return BatchControl(BatchStatus(status), bool(paused), bool(expired), waiting)

    def release(self, batch: Batch, *, seconds: float = 0.0) -> bool:
        """Put a batch back into the line, to be looked at again in some seconds; whether it was still ours."""
        return bool(self._run("batch_release", batch.id, batch.fence, seconds))

    def write(
        self,
        batch: Batch,
        fields: Mapping[str, str | int | float],
        *,
        files: Sequence[tuple[OutputFile, str]] = (),
        status: BatchStatus | None = None,
    ) -> str:
        """Write down how far a batch has come: ``ok``, ``lost``, or the status that it has instead of the known one.

        ``full`` if its files have grown by more than its owner may store, and it is to go on. Its end is written.

        Args:
            files: those that have grown, with their names.
            status: its next status.
        """
        grown = [
            [file.id, name, str(file.bytes), encode_parts(file.parts), str(FILE_VERSIONS[-1])] for file, name in files
        ]
        given = [part for pair in fields.items() for part in pair]
        most = batch.limits.stored_bytes  # without one its owner is not bounded, nor by what all have
        bounds = ("", "") if most is None else (most, self._most_stored or "")
        expires = self._ttl if batch.output_expires_in is None else batch.output_expires_in
        return str(
            self._run(
                "batch_write", batch.id, batch.fence, batch.status.value, batch.checkpoint,
                status.value if status else "", self._ttl, expires, json.dumps(grown), *bounds, *given,
            )
        )  # fmt: skip

    def tidy(self) -> int:
        """Forget batches that ended long ago; how many."""
        seconds, _ = self._redis.time()
        found = self._redis.zrangebyscore(redis_keys.old_batches(), "-inf", seconds, start=0, num=SWEPT_AT_ONCE)
        old = cast("list[str]", found)
        pipe = self._redis.pipeline(transaction=True)
        for batch_id in old:
            owner = cast("str | None", self._redis.hget(redis_keys.batch(batch_id), "owner"))
            pipe.zrem(redis_keys.batches(owner or ""), batch_id)
            pipe.delete(redis_keys.batch(batch_id))
            pipe.zrem(redis_keys.old_batches(), batch_id)
        pipe.execute()
        return len(old)

    # -- the jobs of a batch


def open_batches(settings: Settings, client: redis.Redis | None = None) -> BatchStore:
    """The batches that the settings name, over a client that is there already or one of their own."""
    return BatchStore(
        client or connect(settings.ledger_url),
        most=settings.batches,
        lease_seconds=settings.lease_seconds,
        unclaimed_seconds=settings.unclaimed_seconds,
        ttl=settings.file_ttl,
        most_stored=settings.all_stored_bytes,
    )
