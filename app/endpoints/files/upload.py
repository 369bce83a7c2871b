"""An upload, from the request's body straight into the store: nothing of it is kept in memory or twice on the disk."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from app.endpoints.files.quota import Quota, quota
from app.http.body import as_body_errors
from tasks.errors import InvalidRequest, RequestTooLarge, StorageUnavailable
from tasks.files.folder import Writer
from tasks.files.store import FileStore
from tasks.logs import get_logger

MAX_FORM_BYTES = 1 << 19
"""Of the fields beside the file; the parser's buffer of the file itself is counted as well."""
MAX_FORM_PARTS = 16
MAX_FILENAME = 255
MALFORMED = "The form is cut or malformed."
NO_FOLDER = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EEXIST})
"""What the system says of a folder that is not there and cannot be made, or is not ours to write to."""

log = get_logger(__name__)


class _Sink:
    """Takes a file's bytes as werkzeug's parser writes them."""

    def __init__(self, writer: Writer, limit: int, room: Quota) -> None:
        self._writer = writer
        self._limit = limit
        self._room = room

    def write(self, data: bytes) -> int:
        if self._writer.bytes + len(data) > self._limit:
            raise _too_large(self._limit)
        self._room.need(self._writer.bytes + len(data))
        with as_storage_errors():
            return self._writer.write(data)

    def seek(self, *_: int) -> None:
        """The parser rewinds what it has written, to be read; nobody reads it here."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that was received: the file's bytes are on the disk, and count for nothing yet."""

    file_id: str
    filename: str
    writer: Writer
    fields: Mapping[str, str]


@contextmanager
def receive(files: FileStore, *, limit: int) -> Iterator[Upload]:
    """Read the request's form. What was written is removed again if the context is left by an exception.

    Raises:
        InvalidRequest: it is no form with one file.
        RequestTooLarge: the file is larger than `limit` bytes, or than its owner may store.
        StorageLimited: its owner, or all owners, may store no more.
        StorageUnavailable: the disk fails or is full.
    """
    declared = request.content_length
    if declared is not None and declared > limit + MAX_FORM_BYTES:
        raise _too_large(limit)
    if request.mimetype != "multipart/form-data":
        raise InvalidRequest("Send a form (multipart/form-data) with purpose and file.", param="file")
    with as_storage_errors():
        file_id, writer = files.begin()
    with writer, quota(files, file_id, declared=declared) as room:
        fields, filename = _parse(_Sink(writer, limit, room))
        with as_storage_errors():
            writer.sync()
        yield Upload(file_id, filename, writer, fields)


def _parse(sink: _Sink) -> tuple[dict[str, str], str]:
    """The form's fields, and the name of its one file."""
    num_files = 0

    def open_file(*_: Any, **__: Any) -> IO[bytes]:
        nonlocal num_files
        num_files += 1
        if num_files > 1:
            raise InvalidRequest("Send one file.", param="file")
        return cast("IO[bytes]", sink)

    parser = FormDataParser(
        stream_factory=open_file,
        max_form_memory_size=MAX_FORM_BYTES,
        max_form_parts=MAX_FORM_PARTS,
        silent=False,
    )
    try:
        with as_body_errors(MALFORMED):
            _, form, files = parser.parse(
                request.environ["wsgi.input"], request.mimetype, request.content_length, request.mimetype_params
            )
    except RequestEntityTooLarge as exc:
        raise InvalidRequest("The form's fields are too long, or too many.") from exc
    except ValueError as exc:
        raise InvalidRequest(MALFORMED, code="invalid_body") from exc
    names = list(files)
    if names != ["file"]:
        raise InvalidRequest("Send the file as the form's field 'file'.", param="file")
    return dict(form.items()), (files["file"].filename or "file")[:MAX_FILENAME]


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"A file has {limit} bytes at most. Split it, or raise CARAVAN_MAX_FILE_BYTES.")


@contextmanager
def as_storage_errors() -> Iterator[None]:
    """Around a write to the files: raises StorageUnavailable if the disk fails or is full."""
    try:
        yield
    except OSError as exc:
        log.error("file not written", error=str(exc))
        if exc.errno in NO_FOLDER:
            raise StorageUnavailable("This server keeps no files: it cannot write to CARAVAN_FILES_DIR.") from exc
        raise StorageUnavailable("The disk of the files is full, or fails. Try again later.") from exc
