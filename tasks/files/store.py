"""Files as the rest of the program has them: kept, found, listed, read and deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, cast

import redis

from tasks.files.folder import Folder, Writer
from tasks.files.record import File, Part, Purpose, decode_parts, new_id
from tasks.ledger import redis_keys
from tasks.ledger.connection import connect, refusals_as_absence
from tasks.ledger.scripts import Scripts
from tasks.settings import Settings

RESERVED_SECONDS = 120.0
"""So long an upload keeps the room that it was promised, unless it asks again."""
RECOUNT_SECONDS = 600
PAGE = 200
Deletion = Literal["deleted", "used", "unknown"]
SWEPT_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Full:
    """There is no room for a file: of the owner, or of all owners; and how many bytes there are."""

    of_all: bool
    bytes: int


class FileStore:
    """Raises redis-py's errors when Redis is away, and OSError when the disk fails or is full."""

    def __init__(self, client: redis.Redis, folder: Folder) -> None:
        self._redis = client
        self._run = Scripts(client)
        self.folder = folder

    def begin(self) -> tuple[str, Writer]:
        """The id of a new file, and what writes its bytes; it is there when it is kept."""
        file_id = new_id()
        return file_id, self.folder.create(file_id, 0)

    def keep(self, file: File, *, expires_in: int | None) -> File:
        """Write down a file whose bytes are on the disk: as it is kept."""
        record = [part for pair in file.encode().items() for part in pair]
        created_at = self._run("file_put", file.id, file.owner, "" if expires_in is None else expires_in, *record)
        return replace(
            file,
            created_at=float(created_at),
            expires_at=None if expires_in is None else float(created_at) + expires_in,
        )

    def reserve(self, file_id: str, *, owner: str, size: int, most: int | None, most_all: int | None) -> Full | None:
        """Promise an upload room for a file of `size` bytes, for `RESERVED_SECONDS`; or what there is no room beside.

        Args:
            most, most_all: bytes that the owner's files and all files may have, uploads under way included.
        """
        bounds = ["" if bound is None else bound for bound in (most, most_all)]
        verdict, *used = self._run("file_reserve", file_id, owner, size, RESERVED_SECONDS, *bounds)
        return None if verdict == "reserved" else Full(verdict == "all_full", int(used[0]))

    def release(self, file_id: str) -> None:
        """An upload has come to nothing; what was promised to it is free."""
        self._redis.hdel(redis_keys.uploads(), file_id)

    def stored(self, owner: str) -> tuple[int, int]:
        """Bytes that an owner's files, and all files, count; those of an earlier release are counted first."""
        own, everything = cast("list[str | None]", self._redis.mget(redis_keys.stored(owner), redis_keys.all_stored()))
        if own is None:
            self.recount(owner)
            return self.stored(owner)
        return int(own), int(everything or 0)

    def recount(self, owner: str) -> None:
        """Have an owner's bytes be the sum of the owner's files, unless a file comes or goes meanwhile.

        An earlier release, which runs beside this one, deletes files and gives nothing back.
        """
        key, total, place = redis_keys.stored(owner), 0, 0
        with self._redis.pipeline() as pipe, contextlib.suppress(redis.WatchError), refusals_as_absence():
            while page := cast("list[str]", self._redis.zrange(redis_keys.files(owner), place, place + PAGE - 1)):
                self._run("files_count", owner, *page)
                place += PAGE
            pipe.watch(key)  # type: ignore[no-untyped-call]
            before, place = int(pipe.get(key) or 0), 0
            while page := cast("list[str]", self._redis.zrange(redis_keys.files(owner), place, place + PAGE - 1)):
                total += int(self._run("files_count", owner, *page))
                place += PAGE
            pipe.multi()
            pipe.set(key, total)
            pipe.incrby(redis_keys.all_stored(), total - before)
            pipe.execute()

    def is_due_for_recount(self, owner: str) -> bool:
        """Whether nobody has counted an owner's files for `RECOUNT_SECONDS`; then the caller does."""
        with refusals_as_absence():
            return bool(self._redis.set(redis_keys.recounted(owner), "1", nx=True, ex=RECOUNT_SECONDS))

    def get(self, file_id: str) -> File | None:
        """The file; None if there is none, or it was deleted."""
        return File.decode(cast("dict[str, str]", self._redis.hgetall(redis_keys.file(file_id))))

    def owned(
        self, owner: str, *, after: str | None, limit: int, newest_first: bool, purpose: str | None
    ) -> list[File]:
        """An owner's files after one of them. Raises LookupError if that one is not the owner's."""
        key, found = redis_keys.files(owner), list[File]()
        place = 0
        if after is not None:
            rank = self._redis.zrevrank(key, after) if newest_first else self._redis.zrank(key, after)
            if rank is None:
                raise LookupError(after)
            place = cast("int", rank) + 1
        while len(found) < limit:
            page = cast("list[str]", self._redis.zrange(key, place, place + limit - 1, desc=newest_first))
            place += len(page)
            files = self._get_many(page)
            found += [file for file in files if file.owner == owner and purpose in (None, file.purpose.value)]
            if len(page) < limit:
                break
        return found[:limit]

    def delete(self, file_id: str, *, owner: str = "") -> Deletion:
        """Forget a file and remove its bytes, unless a batch that has not ended works with it."""
        verdict, *rest = self._run("file_delete", file_id, owner)
        if rest:
            self.folder.delete(decode_parts(rest[0]))
        return cast("Deletion", verdict)

    def tidy(self) -> int:
        """Delete files that have expired; how many."""
        seconds, _ = self._redis.time()
        old = cast(
            "list[str]",
            self._redis.zrangebyscore(redis_keys.old_files(), "-inf", seconds, start=0, num=SWEPT_AT_ONCE),
        )
        gone = [file_id for file_id in old if self.delete(file_id) != "used"]
        if stumps := [file_id for file_id in gone if self._redis.zscore(redis_keys.old_files(), file_id) is not None]:
            self._redis.zrem(redis_keys.old_files(), *stumps)
        return len(gone)

    def remove_orphans(self) -> int:
        """Remove parts that no record has named for a day: of deleted files, and of writers that died; how many."""
        return sum(self._remove_orphan(name) for name in self.folder.names())

    def _remove_orphan(self, name: str) -> bool:
        orphan = not self._redis.exists(redis_keys.file(name.partition(".")[0]))
        if orphan:
            self.folder.delete([Part(name, 0)])
        return orphan

    def read(self, file: File, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes of a file, in pieces."""
        return self.folder.read(file.parts, start, stop)

    def _get_many(self, file_ids: Iterable[str]) -> list[File]:
        pipe = self._redis.pipeline(transaction=False)
        for file_id in file_ids:
            pipe.hgetall(redis_keys.file(file_id))
        return [file for fields in pipe.execute() if (file := File.decode(fields))]


def open_files(settings: Settings, client: redis.Redis | None = None) -> FileStore:
    """The files that the settings name, over a client that is there already or one of its own."""
    return FileStore(client or connect(settings.ledger_url), Folder(settings.files_dir))


def uploaded(file_id: str, *, owner: str, filename: str, purpose: str, part: Part) -> File:
    """A file that a client sent."""
    return File(id=file_id, owner=owner, filename=filename, purpose=Purpose(purpose), parts=(part,))
