"""``/v1/files``: upload, show, list, read and delete files."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from app.access.caller import caller
from app.access.holding import holds
from app.bodies.validation import validate
from app.endpoints.files.upload import receive
from app.endpoints.files.view import view
from app.endpoints.files.wire import PAGE, DeletedFile, FileForm, FileInUse
from app.http.byte_range import span
from app.http.paging import known_cursor, page
from app.http.query import choice
from app.services.services import services
from tasks.errors import FileNotFound, InvalidRequest
from tasks.files.record import File, Purpose
from tasks.files.store import uploaded
from tasks.ledger.connection import as_broker_errors
from tasks.logs import get_logger

blueprint = Blueprint("files", __name__)

log = get_logger(__name__)


@blueprint.post("/v1/files")
def create() -> Response:
    """Upload a file: of requests, to be run as a batch, or to be kept."""
    settings, files = services().settings, services().files
    with receive(files, limit=settings.max_file_bytes) as upload:
        form = validate(FileForm, {"file": upload.filename, **upload.fields})
        if (form.expires_anchor is None) != (form.expires_seconds is None):
            raise InvalidRequest("expires_after needs an anchor and seconds.", param="expires_after")
    # The bytes stay, whatever comes of this: where only Redis' answer was lost, there is a record of them.
    part = upload.writer.part
    file = uploaded(upload.file_id, owner=caller().owner, filename=upload.filename, purpose=form.purpose, part=part)
    with as_broker_errors():
        kept = files.keep(file, expires_in=form.expires_seconds or settings.file_ttl)
    log.info("file uploaded", file_id=kept.id, bytes=kept.bytes)
    return jsonify(view(kept))


@blueprint.get("/v1/files")
def index() -> Response:
    """List the caller's files, newest first unless ``?order=asc``."""
    limit = PAGE.asked()
    order = choice("order", "desc", ("asc", "desc"))
    with known_cursor("files"):
        found = services().files.owned(
            caller().owner,
            after=request.args.get("after"),
            limit=limit + 1,
            newest_first=order == "desc",
            purpose=request.args.get("purpose"),
        )
    return page(found, limit=limit, view=view)


@blueprint.get("/v1/files/<file_id>")
def show(file_id: str) -> Response:
    """Show a file."""
    return jsonify(view(find(file_id)))


@blueprint.get("/v1/files/<file_id>/content")
@holds()
def content(file_id: str) -> Response:
    """Download a file, or a ``Range`` of it. The output of a running batch has whole lines only."""
    file = find(file_id)
    asked = span(request.headers.get("Range"), file.bytes)
    first, last = asked or (0, file.bytes)
    response = Response(services().files.read(file, first, last), mimetype="application/octet-stream")
    response.content_length = last - first
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = f'attachment; filename="{_download_name(file)}"'
    if asked:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {first}-{last - 1}/{file.bytes}"
    return response


@blueprint.delete("/v1/files/<file_id>")
def delete(file_id: str) -> Response:
    """Delete a file, unless a batch that has not ended needs it."""
    file = find(file_id)
    with as_broker_errors():
        verdict = services().files.delete(file_id, owner=file.owner)
    if verdict == "used":
        raise FileInUse(f"A batch that has not ended needs '{file_id}'. Wait for the batch, or cancel it.")
    if verdict == "unknown":
        raise _unknown(file_id)
    log.info("file deleted", file_id=file_id)
    deleted: DeletedFile = {"id": file_id, "object": "file", "deleted": True}
    return jsonify(deleted)


def find(file_id: str) -> File:
    """The file of that id; raises FileNotFound, for another owner's as for one that never was."""
    file = services().files.get(file_id)
    if file is None or not caller().sees(file):
        raise _unknown(file_id)
    return file


def _download_name(file: File) -> str:
    return f"{file.id}.jsonl" if file.purpose in (Purpose.BATCH, Purpose.BATCH_OUTPUT) else file.id


def _unknown(file_id: str) -> FileNotFound:
    return FileNotFound(f"There is no file '{file_id[:80]}'. It may have expired.")


BLUEPRINTS = (blueprint,)
