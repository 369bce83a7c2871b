"""Who works on a batch, and whose writes count: the scripts, on a real Redis."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast
from unittest.mock import Mock

import pytest
import redis

from tasks.batches.batch import Batch, BatchStatus, Checkpoint, Counts, OutputFile, new_id
from tasks.batches.closing import Closing
from tasks.batches.endpoints import Endpoints
from tasks.batches.feeder import BatchLedger
from tasks.batches.output_lines import CANCELLED
from tasks.batches.rows import Row
from tasks.batches.store import BatchStore
from tasks.files.folder import Folder
from tasks.files.record import File, Part, Purpose
from tasks.files.record import new_id as new_file_id
from tasks.files.store import FileStore
from tasks.ledger import redis_keys
from tasks.ledger.jobs import Jobs
from tasks.ledger.ledger import open_ledger
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.settings import Settings
from tests.support.waiting import until

DAY = 86_400


@pytest.fixture
def store(client: redis.Redis) -> BatchStore:
    return BatchStore(client, most=2, lease_seconds=0.4, unclaimed_seconds=0.2, ttl=DAY)


@pytest.fixture
def files(client: redis.Redis, tmp_path: Any) -> FileStore:
    return FileStore(client, Folder(tmp_path))


def accept(
    store: BatchStore, files: FileStore, owner: str = "alice", *, endpoint: str = "/v1/chat/completions", total: int = 0
) -> Batch:
    file = File(id=new_file_id(), owner=owner, filename="in", purpose=Purpose.BATCH, parts=())
    files.keep(file, expires_in=None)
    batch = Batch(
        id=new_id(), owner=owner, endpoint=endpoint, input_file_id=file.id, completion_window="24h", total=total,
        output=OutputFile(id=new_file_id()), error=OutputFile(id=new_file_id()),
    )  # fmt: skip
    assert store.create(batch, window_seconds=DAY, files_of=owner) == "created"
    return batch


def held(store: BatchStore, batch: Batch, clerk: str = "one") -> Batch:
    assert batch.id in store.post()
    found = store.claim(batch.id, clerk)
    assert found is not None
    return found


def current(store: BatchStore, batch: Batch) -> Batch:
    found = store.get(batch.id)
    assert found is not None
    return found


def begin(store: BatchStore, batch: Batch) -> Batch:
    """A batch that was validated."""
    assert store.write(batch, {"total": 3}, status=BatchStatus.IN_PROGRESS) == "ok"
    return replace(batch, status=BatchStatus.IN_PROGRESS, total=3)


def written(batch: Batch, rows: int) -> tuple[Batch, dict[str, str | int]]:
    checkpoint = Checkpoint(rows, rows + 1, 10 * rows).encode()
    return replace(batch, checkpoint=checkpoint), {"place": checkpoint, "completed": rows}


def test_a_batch_is_worked_on_by_one_clerk(store: BatchStore, files: FileStore) -> None:
    batch = accept(store, files)
    assert store.claim(batch.id, "one") is None  # not posted
    assert store.post() == [batch.id]
    assert store.post() == []
    assert store.claim(batch.id, "one") is not None
    assert store.claim(batch.id, "two") is None  # the message came twice


def test_so_many_are_worked_on_and_the_others_have_their_turn(store: BatchStore, files: FileStore) -> None:
    one, two, three = (accept(store, files) for _ in range(3))
    assert store.post() == [one.id, two.id]
    first = store.claim(one.id, "one")
    assert first is not None
    assert (control := store.extend(first)) is not None
    assert control.waiting == 1
    assert store.release(first)
    assert store.post() == [three.id]
    assert store.claim(one.id, "one") is None


def test_a_message_that_is_lost_is_posted_again(store: BatchStore, files: FileStore) -> None:
    batch = accept(store, files)
    assert store.post() == [batch.id]
    until(lambda: store.post() == [batch.id], seconds=2, what="it is posted again")
    assert store.claim(batch.id, "one") is not None


def test_a_silent_clerk_loses_its_batch_and_can_write_no_more(store: BatchStore, files: FileStore) -> None:
    old = begin(store, held(store, accept(store, files)))
    until(lambda: store.post() == [old.id], seconds=2, what="its lease runs out")
    for _ in range(2):  # before and after another has it
        checkpoint, fields = written(old, 1)
        assert store.write(old, fields) == "lost"
        assert store.write(old, {}, status=BatchStatus.COMPLETED) == "lost"
        assert store.extend(old) is None
        assert not store.release(old)
        new = store.claim(old.id, "two")
    del checkpoint
    current_fence = current(store, old).fence
    assert current_fence > old.fence
    assert new is None  # the second claim of the same message


def test_a_clerk_that_extends_keeps_its_batch(store: BatchStore, files: FileStore) -> None:
    batch = held(store, accept(store, files))
    for _ in range(4):
        time.sleep(0.2)
        assert store.post() == []
        assert store.extend(batch) is not None


def test_a_write_counts_once_and_only_from_where_it_stands(store: BatchStore, files: FileStore) -> None:
    batch = begin(store, held(store, accept(store, files)))
    one, fields = written(batch, 1)
    assert store.write(batch, fields) == "ok"
    assert store.write(batch, fields) == "ok"  # the reply was lost
    two, more = written(one, 2)
    assert store.write(batch, more) == "lost"  # from a place that it has not
    assert store.write(one, more) == "ok"
    assert current(store, batch).counts == Counts(completed=2)
    assert store.write(batch, fields) == "lost"
    assert Checkpoint.decode(two.checkpoint) == Checkpoint(2, 3, 20)


def test_a_cancel_is_seen_by_the_next_write(store: BatchStore, files: FileStore) -> None:
    batch = begin(store, held(store, accept(store, files)))
    assert store.ask(batch.id, "cancel", owner="alice") == "ok"
    assert store.write(batch, written(batch, 1)[1]) == "cancelling"
    control = store.extend(batch)
    assert control is not None
    assert control.status is BatchStatus.CANCELLING
    assert store.ask(batch.id, "cancel", owner="alice") == "cancelling"
    batch = replace(batch, status=BatchStatus.CANCELLING)
    assert store.write(batch, {}, status=BatchStatus.CANCELLED) == "ok"
    ended = current(store, batch)
    assert (ended.status, "cancelled_at" in ended.times, "cancelling_at" in ended.times) == ("cancelled", True, True)
    assert store.post() == []
    assert store.ask(batch.id, "cancel") == "cancelled"


def test_a_file_that_grows_is_there_as_far_as_was_written_down(store: BatchStore, files: FileStore) -> None:
    batch = begin(store, held(store, accept(store, files)))
    assert files.get(batch.output.id) is None
    grown = replace(batch.output, parts=(Part(f"{batch.output.id}.1", 5),))
    assert store.write(batch, written(batch, 1)[1], files=[(grown, "out.jsonl")]) == "ok"
    file = files.get(batch.output.id)
    assert file is not None
    assert (file.bytes, file.filename, file.purpose, file.owner) == (5, "out.jsonl", Purpose.BATCH_OUTPUT, "alice")
    assert files.delete(file.id, owner="alice") == "used"
    assert store.write(written(batch, 1)[0], {}, status=BatchStatus.COMPLETED) == "ok"
    assert files.delete(batch.input_file_id, owner="bob") == "unknown"
    assert [files.delete(file_id) for file_id in (file.id, batch.input_file_id)] == ["deleted", "deleted"]


def test_a_paused_batch_waits_for_its_resume_or_its_end(
    store: BatchStore, files: FileStore, client: redis.Redis
) -> None:
    batch = begin(store, held(store, accept(store, files)))
    assert store.ask(batch.id, "pause") == "ok"
    control = store.extend(batch)
    assert control is not None
    assert control.paused
    assert store.release(batch)
    assert store.post() == []
    assert store.ask(batch.id, "resume") == "ok"
    again = held(store, batch)
    assert store.ask(batch.id, "pause") == "ok"
    client.hset(redis_keys.batch(batch.id), "expires_at", 5)
    assert store.release(again)
    assert store.post() == [batch.id]


def test_a_batch_that_is_paused_in_the_line_is_not_posted(store: BatchStore, files: FileStore) -> None:
    batch = accept(store, files)
    assert store.ask(batch.id, "pause") == "ok"
    assert store.post() == []
    assert store.ask(batch.id, "cancel") == "ok"
    assert store.post() == [batch.id]


def test_a_retry_begins_another_round_over_the_answers_there_are(
    store: BatchStore, files: FileStore, client: redis.Redis
) -> None:
    batch = begin(store, held(store, accept(store, files)))
    assert store.ask(batch.id, "retry") == "in_progress"
    grown = replace(batch.output, parts=(Part(f"{batch.output.id}.1", 5),))
    checkpoint, fields = written(batch, 2)
    assert store.write(batch, {**fields, "failed": 1, "left_out": 1}, files=[(grown, "out")]) == "ok"
    assert store.write(checkpoint, {}, status=BatchStatus.COMPLETED) == "ok"
    assert store.ask(batch.id, "retry", owner="bob") == "unknown"
    assert store.ask(batch.id, "retry", owner="alice") == "ok"
    again = current(store, batch)
    assert (again.status, again.round, again.counts, again.checkpoint) == ("in_progress", 1, Counts(), "")
    assert again.earlier_output == batch.output.id
    assert again.output.id not in (batch.output.id, batch.error.id)
    assert "completed_at" not in again.times
    assert files.delete(batch.output.id) == "used"
    assert client.zscore(redis_keys.old_batches(), batch.id) is None
    assert store.post() == [batch.id]


@pytest.mark.parametrize("lost", ["input", "output"])
def test_a_retry_needs_the_files_that_it_works_with(store: BatchStore, files: FileStore, lost: str) -> None:
    batch = begin(store, held(store, accept(store, files)))
    grown = replace(batch.output, parts=(Part(f"{batch.output.id}.1", 5),))
    checkpoint, fields = written(batch, 2)
    assert store.write(batch, fields, files=[(grown, "out")]) == "ok"
    assert store.write(checkpoint, {}, status=BatchStatus.EXPIRED) == "ok"
    files.delete(batch.input_file_id if lost == "input" else batch.output.id)
    assert store.ask(batch.id, "retry") == "gone"


def test_a_batch_without_failures_is_not_run_again(store: BatchStore, files: FileStore) -> None:
    batch = begin(store, held(store, accept(store, files)))
    checkpoint, fields = written(batch, 3)
    assert store.write(batch, fields) == "ok"
    assert store.write(checkpoint, {}, status=BatchStatus.COMPLETED) == "ok"
    assert store.ask(batch.id, "retry") == "none"


def test_old_batches_are_forgotten(store: BatchStore, files: FileStore, client: redis.Redis) -> None:
    batch, other = accept(store, files), accept(store, files)
    ours = held(store, batch)
    assert store.write(ours, {}, status=BatchStatus.FAILED) == "ok"
    assert store.tidy() == 0
    client.zadd(redis_keys.old_batches(), {batch.id: 1})
    assert store.tidy() == 1
    assert store.get(batch.id) is None
    assert [each.id for each in store.owned("alice", after=None, limit=5)] == [other.id]


def test_an_owner_has_so_many_batches_and_the_first_that_have_ended_are_forgotten(
    client: redis.Redis, files: FileStore
) -> None:
    store = BatchStore(client, most=9, lease_seconds=9, unclaimed_seconds=9, ttl=DAY, most_kept=3)
    first, second, third = (accept(store, files) for _ in range(3))
    accept(store, files, owner="bob")
    refused = replace(first, id=new_id())
    assert store.create(refused, window_seconds=DAY, files_of="alice") == "many", "none has ended"
    assert store.get(refused.id) is None
    store.post()
    for each in (second, third):
        claimed = store.claim(each.id, "one")
        assert claimed is not None
        assert store.write(claimed, {}, status=BatchStatus.FAILED) == "ok"
    fourth = accept(store, files)
    assert [each.id for each in store.owned("alice", after=None, limit=9)] == [fourth.id, third.id, first.id]
    assert store.get(second.id) is None
    assert client.zscore(redis_keys.old_batches(), second.id) is None
    assert files.get(second.input_file_id) is not None


def test_rows_at_a_batchs_end_outlive_an_absence_of_redis(
    store: BatchStore, files: FileStore, client: redis.Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, jobs = accept(store, files), open_ledger(settings)
    dispatcher = Dispatcher(jobs.line, create_publisher(settings))
    ledger = BatchLedger(client, jobs.jobs, jobs.admission, store, dispatcher, 10)
    rows = [Row(number, f"job-{number}", f"row-{number}", {}, Checkpoint(row=number)) for number in range(3)]
    closing = Closing(batch, iter(rows), ledger, cast(Endpoints, None), first=0, why=CANCELLED)
    monkeypatch.setattr(Jobs, "get_whole", Mock(side_effect=[redis.ConnectionError, [], []]))
    with pytest.raises(redis.ConnectionError):
        closing.stroke()
    assert [row for row, _ in closing.stroke()] == rows
    assert closing.stroke() == []


def test_pages_go_both_ways_and_may_have_one_endpoint_alone(store: BatchStore, files: FileStore) -> None:
    made = [accept(store, files, endpoint="/v1/messages") for _ in range(5)][::-1]
    for _ in range(7):
        accept(store, files)
    accept(store, files, owner="bob", endpoint="/v1/messages")

    def ids(**where: Any) -> list[str]:
        return [batch.id for batch in store.owned("alice", **{"after": None, "endpoint": "/v1/messages", **where})]

    newest_first = [batch.id for batch in made]
    assert ids(limit=20) == newest_first
    assert ids(limit=2) == newest_first[:2]
    assert ids(limit=2, after=newest_first[2]) == newest_first[3:]
    assert ids(limit=2, before=newest_first[4]) == newest_first[2:4]
    assert ids(limit=20, before=newest_first[1]) == newest_first[:1]
    assert ids(limit=2, before=newest_first[0]) == []
    with pytest.raises(LookupError):
        store.owned("alice", after=None, before=new_id(), limit=2)


def test_a_batch_that_has_ended_is_forgotten_once_and_another_stays(store: BatchStore, files: FileStore) -> None:
    batch = begin(store, held(store, accept(store, files, total=3)))
    assert store.forget(batch.id, owner="alice") == "in_progress"
    assert store.forget(batch.id, owner="bob") == "unknown"
    for status in (BatchStatus.FINALIZING, BatchStatus.COMPLETED):
        assert store.write(batch, {}, status=status) == "ok"
        batch = replace(batch, status=status)
    assert store.forget(batch.id, owner="alice") == "forgotten"
    assert store.forget(batch.id, owner="alice") == "unknown"
    assert store.get(batch.id) is None
    assert store.owned("alice", after=None, limit=5) == []
    assert store.tidy() == 0


def test_the_lines_are_known_before_they_are_judged_and_an_older_clerk_leaves_what_it_does_not_know(
    store: BatchStore, files: FileStore, client: redis.Redis
) -> None:
    known, other = accept(store, files, endpoint="/v1/messages", total=3), accept(store, files)
    assert current(store, known).total == 3
    assert current(store, other).total == 0
    versions = [client.hget(redis_keys.batch(batch.id), "v") for batch in (known, other)]
    assert versions == ["2", "1"]
