"""``/v1/messages/batches``: create, show, list, cancel and delete batches of messages, and read their results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from flask import Blueprint, Response, jsonify, request, stream_with_context

from app.access.caller import caller, catalogue
from app.access.holding import holds
from app.access.scopes import counts_as_read
from app.bodies.validation import validate
from app.endpoints.anthropic import errors as anthropic_errors
from app.endpoints.batches.calls import accept, ask, find, unknown
from app.endpoints.files.quota import quota
from app.endpoints.files.upload import as_storage_errors
from app.endpoints.message_batches import view, wire
from app.endpoints.message_batches.body import ENDPOINT, MessageBatchBody, input_lines
from app.http.json_body import read_json
from app.http.json_pieces import text
from app.http.turns import aside, in_turns
from app.services.services import services
from tasks.batches.batch import Batch
from tasks.batches.input_lines import split
from tasks.errors import BatchConflict, FileNotFound, InvalidRequest
from tasks.files.record import File, Purpose
from tasks.files.store import FileStore, uploaded
from tasks.ledger.connection import as_broker_errors
from tasks.logs import get_logger
from tasks.records.job import Operation

blueprint = Blueprint("message_batches", __name__)
anthropic_errors.install(blueprint)

LINES = "application/x-jsonl"
TURN = 8
"""Results that are made at once."""
WHOLE = 1 << 62

log = get_logger(__name__)


@blueprint.post("/v1/messages/batches")
def create() -> Response:
    """Answer many messages with priority low."""
    sent = read_json()
    models, longest = catalogue(), services().settings.max_body_bytes

    @cache
    def named(name: str) -> str:
        own, adapter = models.asked(name, Operation.CHAT), models.adapter_of(name)
        return f"{own}:{adapter}" if adapter else own

    lines = aside(lambda: input_lines(validate(MessageBatchBody, sent), named, longest=longest))
    file = _kept(lines)
    try:
        batch = accept(endpoint=ENDPOINT, input_file_id=file.id, completion_window="24h", total=len(lines))
    except Exception:
        with as_broker_errors():
            services().files.delete(file.id, owner=file.owner)
        raise
    return jsonify(view.message_batch(batch))


@blueprint.get("/v1/messages/batches")
def index() -> Response:
    """List the caller's batches of messages, newest first."""
    limit, after, before = wire.PAGE.asked(), request.args.get("after_id"), request.args.get("before_id")
    if after and before:
        raise InvalidRequest("Send after_id or before_id, not both.", param="before_id")
    cursor = after or before
    try:
        found = services().batches.owned(
            caller().owner,
            after=view.batch_id(after) if after else None,
            before=view.batch_id(before) if before else None,
            limit=limit + 1,
            endpoint=ENDPOINT,
        )
    except LookupError as exc:
        param = "after_id" if cursor == after else "before_id"
        raise InvalidRequest(f"{param} is not the id of one of your batches.", param=param) from exc
    return jsonify(view.page(found, limit=limit, before=bool(before)))


@blueprint.get("/v1/messages/batches/<message_batch_id>")
def show(message_batch_id: str) -> Response:
    """Show a batch of messages."""
    return jsonify(view.message_batch(_find(message_batch_id)))


@blueprint.post("/v1/messages/batches/<message_batch_id>/cancel")
@counts_as_read
def cancel(message_batch_id: str) -> Response:
    """Cancel a batch of messages that has not ended. Answered requests keep their answers."""
    return jsonify(view.message_batch(ask(_find(message_batch_id), "cancel", name=message_batch_id)))


@blueprint.delete("/v1/messages/batches/<message_batch_id>")
def delete(message_batch_id: str) -> Response:
    """Delete a batch of messages that has ended, with its input and its results."""
    batch = _find(message_batch_id)
    if not batch.status.ended:
        raise BatchConflict(f"Batch '{message_batch_id}' has not ended. Cancel it first.")
    files = services().files
    made = files.get(batch.input_file_id)
    names = [batch.output.id, batch.error.id, *([made.id] if made and made.filename == _input_name(made.id) else [])]
    with as_broker_errors():
        for name in names:  # before the record: if the process ends meanwhile, the call can be repeated
            files.delete(name, owner=batch.owner)
        status = services().batches.forget(batch.id, owner=batch.owner)
    if status not in ("forgotten", "unknown"):
        raise BatchConflict(f"Batch '{message_batch_id}' is {status} again. Cancel it first.")
    log.info("batch deleted", batch_id=batch.id)
    told: wire.DeletedMessageBatch = {"id": message_batch_id, "type": "message_batch_deleted"}
    return jsonify(told)


@blueprint.get("/v1/messages/batches/<message_batch_id>/results")
@holds()
def results(message_batch_id: str) -> Response:
    """Read what came of each request of a batch that has ended, in no particular order."""
    batch = _find(message_batch_id)
    if not batch.status.ended:
        raise BatchConflict(f"Batch '{message_batch_id}' has not ended, so it has no results yet.")
    made = [each.id for each in (batch.output, batch.error) if each.parts]
    sources = [(_file(name), False) for name in made] or [(_file(batch.input_file_id), True)]
    lines = _results(services().files, batch, sources)
    response = Response(stream_with_context(lines), mimetype=LINES)
    response.headers["Cache-Control"] = "no-cache"
    return response


def _results(files: FileStore, batch: Batch, sources: list[tuple[File, bool]]) -> Iterator[str]:
    for file, is_input in sources:
        for line in in_turns(split(files.read(file), number=1, offset=0, longest=WHOLE), TURN):
            if line.text is not None:
                told = view.not_run(batch, line.text) if is_input else view.result(line.text)
                if told is not None:
                    yield text(told) + "\n"


def _find(message_batch_id: str) -> Batch:
    """The batch of that id; raises BatchNotFound, for one of another endpoint's as for one that never was."""
    if not re.fullmatch(wire.ID, message_batch_id):
        raise unknown(message_batch_id)
    batch = find(view.batch_id(message_batch_id), name=message_batch_id)
    if batch.endpoint != ENDPOINT:
        raise unknown(message_batch_id)
    return batch


def _file(file_id: str) -> File:
    file = services().files.get(file_id)
    if file is None:
        raise FileNotFound("The results of this batch have expired, or were deleted.")
    return file


def _input_name(file_id: str) -> str:
    """What the input of such a batch is called among its owner's files. No upload is: its id is not known before."""
    return f"message_batch_{file_id}.jsonl"


def _kept(lines: list[bytes]) -> File:
    """The lines as a file of the caller's, which is the batch's input."""
    files, settings = services().files, services().settings
    with as_storage_errors():
        file_id, writer = files.begin()
    with writer, quota(files, file_id, declared=None) as room:
        room.need(sum(map(len, lines)))
        with as_storage_errors():
            for line in lines:
                writer.write(line)
            writer.sync()
    name = _input_name(file_id)
    file = uploaded(file_id, owner=caller().owner, filename=name, purpose=Purpose.BATCH, part=writer.part)
    with as_broker_errors():
        return files.keep(file, expires_in=settings.file_ttl)


BLUEPRINTS = (blueprint,)
