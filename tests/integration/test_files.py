"""Files over HTTP, on a real Redis and a real folder."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks.files.store import FileStore, open_files
from tasks.ledger import redis_keys
from tasks.ledger.api_keys import KeyStore
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front, key

ADMIN = bearer(ADMIN_KEY)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"files_dir": tmp_path / "files"})


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings)


@pytest.fixture
def files(settings: Settings, client: redis.Redis) -> FileStore:
    return open_files(settings, client)


@pytest.fixture
def alice(client: redis.Redis) -> dict[str, str]:
    return bearer(KeyStore(client).create(key("alice"))[1])


@pytest.fixture
def bob(client: redis.Redis) -> dict[str, str]:
    return bearer(KeyStore(client).create(key("bob"))[1])


def upload(
    http: FlaskClient, headers: dict[str, str] = ADMIN, data: bytes = b"abc\n", name: str = "in.jsonl", **form: Any
) -> TestResponse:
    fields = {"purpose": "batch", "file": (io.BytesIO(data), name), **form}
    return http.post(
        "/v1/files",
        data={n: (io.BytesIO(v), n) if isinstance(v, bytes) else v for n, v in fields.items() if v is not None},
        headers=headers,
    )


def upload_bytes(http: FlaskClient, data: bytes) -> TestResponse:
    """The same for a large file, of which Flask's client would make a temporary one."""
    head = b'--xx\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    head += b'--xx\r\nContent-Disposition: form-data; name="file"; filename="in.jsonl"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=xx", **ADMIN}
    return http.post("/v1/files", data=head + data + b"\r\n--xx--\r\n", headers=kind)


def on_disk(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.files_dir.iterdir())


def test_a_file_is_shown_read_and_deleted(http: FlaskClient, settings: Settings, client: redis.Redis) -> None:
    answer = upload(http, data=b"hello\n", name="my file.jsonl")
    assert answer.status_code == 200, answer.text
    file = answer.get_json()
    assert (file["object"], file["bytes"], file["filename"]) == ("file", 6, "my file.jsonl")
    assert file["expires_at"] - file["created_at"] == settings.file_ttl
    assert http.get(f"/v1/files/{file['id']}", headers=ADMIN).get_json() == file
    content = http.get(f"/v1/files/{file['id']}/content", headers=ADMIN)
    assert (content.data, content.headers["Content-Length"]) == (b"hello\n", "6")
    assert http.delete(f"/v1/files/{file['id']}", headers=ADMIN).get_json() == {
        "id": file["id"], "object": "file", "deleted": True,
    }  # fmt: skip
    assert on_disk(settings) == []
    assert list(client.scan_iter("caravan:file*")) == []
    for call in (http.get, http.delete):
        gone = call(f"/v1/files/{file['id']}", headers=ADMIN)
        assert (gone.status_code, gone.get_json()["error"]["code"]) == (404, "file_not_found")


def test_a_part_of_a_file_is_read(http: FlaskClient) -> None:
    url = f"/v1/files/{upload(http, data=b'0123456789').get_json()['id']}/content"
    part = http.get(url, headers={**ADMIN, "Range": "bytes=2-4"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    last = http.get(url, headers={**ADMIN, "Range": "bytes=-3"})
    assert (last.data, last.headers["Content-Length"]) == (b"789", "3")
    behind = http.get(url, headers={**ADMIN, "Range": "bytes=10-"})
    assert (behind.status_code, behind.headers["Content-Range"]) == (416, "bytes */10")
    assert behind.get_json()["error"]["code"] == "range_not_satisfiable"
    assert http.head(url, headers=ADMIN).headers["Content-Length"] == "10"


def test_a_large_file_arrives_whole(http: FlaskClient) -> None:
    data = os.urandom(3 << 20)
    file_id = upload_bytes(http, data).get_json()["id"]
    assert http.get(f"/v1/files/{file_id}/content", headers=ADMIN).data == data


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"purpose": "fine-tune"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"file": None}, "file"),
        ({"file": "text"}, "file"),
        ({"other": "x"}, "other"),
        ({"more": b"x"}, "file"),
        ({"expires_after[anchor]": "created_at"}, "expires_after"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "5"}, "expires_after[seconds]"),
        ({"expires_after[anchor]": "never", "expires_after[seconds]": "3600"}, "expires_after[anchor]"),
    ],
)
def test_a_form_that_is_not_right_is_refused_and_leaves_nothing(
    http: FlaskClient, settings: Settings, form: dict[str, Any], param: str
) -> None:
    answer = upload(http, **form)
    assert (answer.status_code, answer.get_json()["error"]["param"]) == (400, param), answer.text
    assert not settings.files_dir.exists() or on_disk(settings) == []


def test_what_is_no_form_or_is_cut_is_refused(http: FlaskClient, settings: Settings) -> None:
    assert http.post("/v1/files", json={"purpose": "batch"}, headers=ADMIN).status_code == 400
    kind = {"Content-Type": "multipart/form-data; boundary=xx", **ADMIN}
    for body in (b"", b"nonsense", b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'):
        assert http.post("/v1/files", data=body, headers=kind).status_code == 400
    assert http.post("/v1/files", data=b"x", headers={**kind, "Content-Type": "multipart/form-data"}).status_code == 400
    assert on_disk(settings) == []


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(settings: Settings, client: redis.Redis) -> None:
    http = front(settings, max_file_bytes=1 << 20)
    for size in (2 << 20, (1 << 20) + 1):
        answer = upload_bytes(http, b"x" * size)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (413, "request_too_large")
    assert upload_bytes(http, b"x" * (1 << 20)).status_code == 200
    assert len(on_disk(settings)) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told_in_words(http: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(http)
    opened = Path.open

    def full(path: Path, mode: str = "r", **options: Any) -> Any:
        return opened(Path("/dev/full"), "wb", buffering=0) if mode == "xb" else opened(path, mode, **options)

    monkeypatch.setattr(Path, "open", full)
    answer = upload(http)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "storage_unavailable")
    assert "full" in answer.get_json()["error"]["message"]
    assert "Retry-After" in answer.headers


def test_a_server_without_a_folder_for_files_says_so(settings: Settings, client: redis.Redis, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    for folder in (tmp_path / "taken", tmp_path / "taken" / "files"):
        answer = upload(front(settings, files_dir=folder))
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "storage_unavailable")
        assert "CARAVAN_FILES_DIR" in answer.get_json()["error"]["message"]


def test_files_are_listed_by_cursor_order_and_purpose(http: FlaskClient) -> None:
    ids = [upload(http, name=f"{number}.jsonl").get_json()["id"] for number in range(5)]

    def listed(query: str) -> tuple[list[str], bool]:
        body = http.get(f"/v1/files?{query}", headers=ADMIN).get_json()
        return [file["id"] for file in body["data"]], body["has_more"]

    assert listed("") == (ids[::-1], False)
    assert listed("order=asc&limit=2") == (ids[:2], True)
    assert listed(f"order=asc&limit=3&after={ids[1]}") == (ids[2:], False)
    assert listed(f"limit=2&after={ids[4]}") == ([ids[3], ids[2]], True)
    assert listed("purpose=batch&limit=5") == (ids[::-1], False)
    assert listed("purpose=batch_output") == ([], False)
    for query in ("after=file-x", "order=up", "limit=0", "limit=10001", "limit=x"):
        assert http.get(f"/v1/files?{query}", headers=ADMIN).status_code == 400, query


@pytest.mark.parametrize("purpose", ["user_data", "assistants"])
def test_a_file_for_another_use_is_kept_and_listed_but_cannot_be_run(http: FlaskClient, purpose: str) -> None:
    kept = upload(http, data=b"%PDF-1.7", name="a.pdf", purpose=purpose).get_json()
    assert (kept["purpose"], kept["filename"], kept["bytes"]) == (purpose, "a.pdf", 8)
    assert [file["id"] for file in http.get(f"/v1/files?purpose={purpose}", headers=ADMIN).get_json()["data"]] == [
        kept["id"]
    ]
    read = http.get(f"/v1/files/{kept['id']}/content", headers=ADMIN)
    assert (read.data, read.headers["Content-Disposition"]) == (b"%PDF-1.7", f'attachment; filename="{kept["id"]}"')
    body = {"input_file_id": kept["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    refused = http.post("/v1/batches", json=body, headers=ADMIN)
    assert (refused.status_code, refused.get_json()["error"]["param"]) == (400, "input_file_id")


def test_anothers_file_is_not_there(http: FlaskClient, alice: dict[str, str], bob: dict[str, str]) -> None:
    file_id = upload(http, alice).get_json()["id"]
    for path, call in ((f"/v1/files/{file_id}", http.get), (f"/v1/files/{file_id}/content", http.get)):
        assert call(path, headers=bob).status_code == 404
        assert call(path, headers=alice).status_code == 200
        assert call(path, headers=ADMIN).status_code == 200
    assert http.delete(f"/v1/files/{file_id}", headers=bob).status_code == 404
    assert http.get("/v1/files", headers=bob).get_json()["data"] == []
    assert http.get(f"/v1/files?after={file_id}", headers=bob).status_code == 400
    body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    refused = http.post("/v1/batches", json=body, headers=bob)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (404, "file_not_found")
    assert http.post("/v1/batches", json=body, headers=alice).status_code == 200


def test_anothers_batch_is_not_there(http: FlaskClient, alice: dict[str, str], bob: dict[str, str]) -> None:
    body = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    body["input_file_id"] = upload(http, alice).get_json()["id"]
    batch_id = http.post("/v1/batches", json=body, headers=alice).get_json()["id"]
    for act in ("cancel", "pause", "resume", "retry"):
        assert http.post(f"/v1/batches/{batch_id}/{act}", headers=bob).status_code == 404
    assert http.get(f"/v1/batches/{batch_id}", headers=bob).status_code == 404
    assert http.get("/v1/batches", headers=bob).get_json()["data"] == []
    assert http.get(f"/v1/batches?after={batch_id}", headers=bob).status_code == 400
    assert http.get(f"/v1/batches/{batch_id}", headers=alice).get_json()["status"] == "validating"
    assert [batch["id"] for batch in http.get("/v1/batches", headers=alice).get_json()["data"]] == [batch_id]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"endpoint": "/v1/images"}, "endpoint"),
        ({"completion_window": "0h"}, "completion_window"),
        ({"completion_window": "31d"}, "completion_window"),
        ({"input_file_id": "file-x"}, "input_file_id"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, "output_expires_after.seconds"),
        ({"priority": "high"}, "priority"),
    ],
)
def test_a_batch_that_is_not_right_is_refused_by_name(http: FlaskClient, change: dict[str, Any], param: str) -> None:
    body = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    body |= {"input_file_id": upload(http).get_json()["id"], **change}
    answer = http.post("/v1/batches", json=body, headers=ADMIN)
    assert (answer.status_code, answer.get_json()["error"]["param"]) in ((400, param), (404, param)), answer.text


def test_a_file_in_use_stays(http: FlaskClient, settings: Settings, client: redis.Redis, files: FileStore) -> None:
    file_id = upload(http).get_json()["id"]
    body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    assert http.post("/v1/batches", json=body, headers=ADMIN).status_code == 200
    answer = http.delete(f"/v1/files/{file_id}", headers=ADMIN)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "file_in_use")
    client.zadd(redis_keys.old_files(), {file_id: 1})
    assert files.tidy() == 0
    assert on_disk(settings) == [f"{file_id}.0"]


def test_what_has_expired_goes_and_what_nobody_names_a_day_later(
    http: FlaskClient, settings: Settings, client: redis.Redis, files: FileStore
) -> None:
    fields: dict[str, Any] = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    old, kept = upload(http, **fields).get_json(), upload(http).get_json()
    assert old["expires_at"] - old["created_at"] == 3600
    client.zadd(redis_keys.old_files(), {old["id"]: 1, "file-" + "0" * 24: 1})
    orphan, young = (settings.files_dir / f"file-{letter * 24}.3" for letter in "ef")
    for path in (orphan, young):
        path.write_bytes(b"x")
    os.utime(orphan, (1, 1))
    os.utime(settings.files_dir / f"{kept['id']}.0", (1, 1))
    assert (files.tidy(), files.remove_orphans()) == (2, 1)
    assert on_disk(settings) == sorted([f"{kept['id']}.0", young.name])
    assert client.zrange(redis_keys.old_files(), 0, -1) == [kept["id"]]
    assert http.get(f"/v1/files/{old['id']}", headers=ADMIN).status_code == 404


def test_nothing_that_a_client_names_becomes_a_path(http: FlaskClient, settings: Settings) -> None:
    name = "../../etc/passwd"
    file = upload(http, name=name).get_json()
    assert on_disk(settings) == [f"{file['id']}.0"]
    content = http.get(f"/v1/files/{file['id']}/content", headers=ADMIN)
    assert "passwd" not in content.headers["Content-Disposition"]
    for path in ("..", "%2e%2e", "..%2f..%2fpyproject.toml", "file-x.0"):
        assert http.get(f"/v1/files/{path}/content", headers=ADMIN).status_code == 404
