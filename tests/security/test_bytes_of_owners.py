"""An owner's files have no more bytes than its limit, or its share of the disk, whatever comes at once."""

from __future__ import annotations

import errno
import io
import shutil
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.endpoints.files.quota import STEP, Bounds, Quota
from tasks.batches.batch import Batch, BatchStatus, Checkpoint, Counts, OutputFile, new_id
from tasks.batches.output_lines import ResultLine
from tasks.batches.store import BatchStore, open_batches
from tasks.batches.writer import OutputWriter
from tasks.files.record import File, Purpose
from tasks.files.record import new_id as new_file_id
from tasks.files.store import RESERVED_SECONDS, FileStore, open_files
from tasks.ledger import redis_keys
from tasks.ledger.api_keys import KeyStore
from tasks.records.api_key import Limits
from tasks.settings import Settings
from tests.support.fronts import caller, front
from tests.support.redis_fixtures import redis_server

__all__ = ["redis_server"]

KIB = 1 << 10
Headers = dict[str, str]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"files_dir": tmp_path / "files"})


@pytest.fixture
def files(settings: Settings, client: redis.Redis) -> FileStore:
    return open_files(settings, client)


@pytest.fixture
def batches(settings: Settings, client: redis.Redis) -> BatchStore:
    return open_batches(settings, client)


def upload(http: FlaskClient, headers: Headers, size: int) -> TestResponse:
    form = {"purpose": "batch", "file": (io.BytesIO(b"x" * size), "in.jsonl")}
    return http.post("/v1/files", data=form, headers=headers)


def refusal(response: TestResponse) -> str:
    error = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (429, "storage_limit_exceeded")
    assert int(response.headers["Retry-After"]) >= 1
    assert response.headers["X-Should-Retry"] == "false", "OpenAI's clients do not send the file twice more"
    return str(error["message"])


def on_disk(settings: Settings) -> int:
    return sum(path.stat().st_size for path in settings.files_dir.iterdir())


def test_an_owners_files_fit_into_its_limit_until_some_are_deleted(settings: Settings, keys: KeyStore) -> None:
    http, headers = front(settings), caller(keys, stored_bytes=100 * KIB)
    told = [upload(http, headers, 40 * KIB) for _ in range(3)]
    assert [answer.status_code for answer in told] == [200, 200, 429]
    assert f"may have {100 * KIB} bytes (stored_bytes), and have {80 * KIB}" in refusal(told[2])
    assert on_disk(settings) == 80 * KIB, "nothing is left of what is refused"
    assert upload(http, headers, 20 * KIB).status_code == 200
    assert upload(http, caller(keys, "bob"), 40 * KIB).status_code == 200
    http.delete(f"/v1/files/{told[0].get_json()['id']}", headers=headers)
    assert upload(http, headers, 40 * KIB).status_code == 200


def test_a_file_beyond_the_whole_limit_is_too_large(settings: Settings, keys: KeyStore) -> None:
    answer = upload(front(settings), caller(keys, stored_bytes=10 * KIB), 20 * KIB)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (413, "request_too_large")
    assert on_disk(settings) == 0


def test_small_files_count_for_the_room_that_they_take(settings: Settings, keys: KeyStore) -> None:
    http, headers = front(settings), caller(keys, stored_bytes=8 * KIB)
    assert [upload(http, headers, size).status_code for size in (0, 1, 1)] == [200, 200, 429]


def test_a_promise_is_renewed_whole_while_a_large_upload_goes_on(
    files: FileStore, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Quota(files, "file-1", "alice", Bounds(most=100 * STEP, most_all=None))
    room.need(64 * STEP)
    later = time.monotonic() + RESERVED_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    room.need(1)
    assert int(str(client.hget(redis_keys.uploads(), "file-1")).split(" ")[1]) >= 64 * STEP
    room.need(63 * STEP)
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == calls + 1


def test_uploads_at_once_fit_into_the_limit_together(settings: Settings, keys: KeyStore, files: FileStore) -> None:
    http, headers, barrier = front(settings), caller(keys, stored_bytes=1000 * KIB), threading.Barrier(16)

    def send(_: int) -> int:
        with http.application.test_client() as own:
            barrier.wait()
            return upload(own, headers, 200 * KIB).status_code

    with ThreadPoolExecutor(16) as pool:
        told = Counter(pool.map(send, range(16)))
    assert told[200] <= 5
    assert set(told) == {200, 429}
    assert files.stored("alice")[0] == on_disk(settings) == told[200] * 200 * KIB


def test_an_upload_under_way_holds_the_room_that_it_was_promised(files: FileStore, client: redis.Redis) -> None:
    def reserve(file_id: str, size: int, owner: str = "alice") -> bool:
        return files.reserve(file_id, owner=owner, size=size, most=100 * KIB, most_all=150 * KIB) is None

    assert reserve("file-1", 60 * KIB)
    assert reserve("file-1", 80 * KIB), "its own promise is replaced"
    assert not reserve("file-2", 60 * KIB)
    assert not reserve("file-3", 80 * KIB, "bob"), "all owners together"
    assert reserve("file-3", 60 * KIB, "bob")
    lapsed = str(client.hget(redis_keys.uploads(), "file-1")).split(" ", 1)[1]
    client.hset(redis_keys.uploads(), "file-1", f"1.0 {lapsed}")
    assert reserve("file-2", 60 * KIB), "a front that died holds it for a while only"
    files.release("file-2")
    assert set(client.hkeys(redis_keys.uploads())) == {"file-3"}


def test_a_body_of_unknown_length_is_stopped_where_the_room_ends(settings: Settings, keys: KeyStore) -> None:
    http, headers = front(settings), caller(keys, stored_bytes=2 * STEP)
    for _ in range(4):
        upload(http, headers, STEP // 4)  # the test's client leaves larger ones in files
    head = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    )
    body = io.BytesIO(head + b"x" * (4 * STEP) + b"\r\n--b--\r\n")
    answer = http.post(
        "/v1/files",
        input_stream=body,
        headers={**headers, "Content-Type": "multipart/form-data; boundary=b", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    refused = answer.get_json()["error"]["code"]
    assert (answer.status_code, refused) == (429, "storage_limit_exceeded")
    assert body.tell() < len(head) + 2 * STEP
    assert on_disk(settings) == STEP


def test_one_owner_leaves_half_of_the_room_for_others(settings: Settings, keys: KeyStore) -> None:
    http = front(settings, all_stored_bytes=400 * KIB)
    alice, bob, carol = (caller(keys, owner) for owner in ("alice", "bob", "carol"))
    assert [upload(http, alice, 90 * KIB).status_code for _ in range(3)] == [200, 200, 429]
    assert [upload(http, bob, 90 * KIB).status_code for _ in range(3)] == [200, 200, 429]
    assert "CARAVAN_ALL_STORED_BYTES" in refusal(upload(http, carol, 90 * KIB))


def test_an_owners_default_is_its_share_of_what_the_disk_has_room_for(
    settings: Settings, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SimpleNamespace(free=300 * KIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    http, alice = front(settings), caller(keys)
    assert upload(http, alice, 100 * KIB).status_code == 200
    free.free -= 100 * KIB
    assert f"may have {150 * KIB} bytes" in refusal(upload(http, alice, 100 * KIB))
    assert upload(http, caller(keys, "bob"), 100 * KIB).status_code == 200


def test_without_keys_files_have_all_of_the_disk(settings: Settings, client: redis.Redis) -> None:
    http = front(settings, keys=False, admin_key=None, all_stored_bytes=10 * KIB)
    assert [upload(http, {}, 40 * KIB).status_code for _ in range(2)] == [200, 200]


def kept(files: FileStore, size: int, owner: str = "alice", expires_in: int | None = None) -> str:
    file_id, writer = files.begin()
    with writer:
        writer.write(b"x" * size)
    file = File(id=file_id, owner=owner, filename="in", purpose=Purpose.BATCH, parts=(writer.part,))
    files.keep(file, expires_in=expires_in)
    return file_id


def test_files_that_expire_make_room(files: FileStore, client: redis.Redis) -> None:
    kept(files, 50 * KIB, expires_in=1)
    kept(files, 10 * KIB)
    assert files.stored("alice") == (60 * KIB, 60 * KIB)
    (expiring,) = map(str, client.zrange(redis_keys.old_files(), 0, -1))
    client.zadd(redis_keys.old_files(), {expiring: 1})
    files.tidy()
    files.tidy()
    assert files.stored("alice") == (10 * KIB, 10 * KIB)


def test_files_of_the_release_before_are_counted_and_its_deletions_found(files: FileStore, client: redis.Redis) -> None:
    ids = [kept(files, 50 * KIB) for _ in range(3)]
    for file_id in ids:
        client.hdel(redis_keys.file(file_id), "counted")
    client.delete(redis_keys.stored("alice"), redis_keys.all_stored())
    assert files.stored("alice") == (150 * KIB, 150 * KIB)
    client.delete(redis_keys.file(ids[0]))
    client.zrem(redis_keys.files("alice"), ids[0])
    files.recount("alice")
    files.recount("alice")
    assert files.stored("alice") == (100 * KIB, 100 * KIB)


def test_an_owner_whose_count_is_wrong_is_counted_again_before_it_is_refused(
    settings: Settings, keys: KeyStore, client: redis.Redis
) -> None:
    http, headers = front(settings), caller(keys, stored_bytes=100 * KIB)
    client.mset({redis_keys.stored("alice"): 90 * KIB, redis_keys.all_stored(): 90 * KIB})
    assert upload(http, headers, 50 * KIB).status_code == 200
    client.incrby(redis_keys.stored("alice"), 50 * KIB)
    refusal(upload(http, headers, 30 * KIB))  # it was counted a moment ago


def begun(files: FileStore, batches: BatchStore, most: int | None) -> Batch:
    """A batch in progress over a file of 10 KiB."""
    batch = Batch(
        id=new_id(), owner="alice", endpoint="/v1/chat/completions", input_file_id=kept(files, 10 * KIB),
        completion_window="24h", output=OutputFile(id=new_file_id()), error=OutputFile(id=new_file_id()),
        limits=Limits(stored_bytes=most),
    )  # fmt: skip
    batches.create(batch, window_seconds=86_400, files_of="alice")
    assert batch.id in batches.post()
    held = batches.claim(batch.id, "clerk")
    assert held
    assert batches.write(held, {"total": 9}, status=BatchStatus.IN_PROGRESS) == "ok"
    return replace(held, status=BatchStatus.IN_PROGRESS, total=9)


def line(size: int, row: int) -> tuple[ResultLine, Checkpoint]:
    return ResultLine(b"x" * size, Counts(completed=1)), Checkpoint(row, row + 1, 10 * row)


def test_the_output_of_a_batch_grows_into_its_owners_limit_and_waits_there(
    files: FileStore, batches: BatchStore
) -> None:
    batch = begun(files, batches, most=100 * KIB)
    writer = OutputWriter(batches, files.folder, batch)
    writer.add(*line(60 * KIB, 1))
    writer.commit()
    assert files.stored("alice") == (70 * KIB, 70 * KIB)
    writer.add(*line(60 * KIB, 2))
    with pytest.raises(OSError, match="as many bytes as they may have") as refused:
        writer.commit()
    assert refused.value.errno == errno.EDQUOT, "the clerk stalls the batch as on a full disk"
    writer.close()
    assert files.stored("alice") == (70 * KIB, 70 * KIB)
    found = batches.get(batch.id)
    assert found
    assert found.output.bytes == 60 * KIB
    again = OutputWriter(batches, files.folder, replace(found, fence=batch.fence))
    assert not again.dirty


def test_a_batch_whose_owner_may_store_no_more_can_still_end(files: FileStore, batches: BatchStore) -> None:
    batch = begun(files, batches, most=20 * KIB)
    batches.ask(batch.id, "cancel")
    writer = OutputWriter(batches, files.folder, replace(batch, status=BatchStatus.CANCELLING))
    writer.add(*line(60 * KIB, 1))
    writer.commit()
    assert writer.move(BatchStatus.CANCELLED)
    writer.close()
    assert files.stored("alice") == (70 * KIB, 70 * KIB)


def test_a_batch_has_the_bound_of_the_key_that_made_it(settings: Settings, keys: KeyStore, batches: BatchStore) -> None:
    http = front(settings, all_stored_bytes=400 * KIB)
    for headers, most in ((caller(keys), 200 * KIB), (caller(keys, "bob", stored_bytes=50 * KIB), 50 * KIB)):
        file_id = upload(http, headers, KIB).get_json()["id"]
        body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        made = batches.get(http.post("/v1/batches", json=body, headers=headers).get_json()["id"])
        assert made
        assert made.limits.stored_bytes == most
        assert made.limits.jobs_in_flight == settings.max_queue // 2
