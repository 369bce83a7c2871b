"""``/v1/batches``: create, show, list, cancel, pause, resume and retry batches."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, jsonify, request

from app.access.caller import caller
from app.access.limits import allowed
from app.access.scopes import counts_as_read
from app.bodies.validation import validate
from app.endpoints.batches.view import view
from app.endpoints.batches.wire import PAGE, BatchBody
from app.endpoints.files.quota import bounds
from app.http.json_body import read_json
from app.http.paging import known_cursor, page
from app.services.services import services
from tasks.batches.batch import Batch, OutputFile, new_id, window_seconds
from tasks.batches.store import MOST_KEPT, Act
from tasks.errors import BatchConflict, BatchNotFound, FileNotFound, InvalidRequest, RateLimited
from tasks.files.record import new_id as new_file_id
from tasks.ledger.connection import as_broker_errors
from tasks.logs import get_logger

blueprint = Blueprint("batches", __name__)

MANY_RETRY_SECONDS = 60

log = get_logger(__name__)


@blueprint.post("/v1/batches")
def create() -> Response:
    """Run a file of requests with priority low."""
    body = validate(BatchBody, read_json())
    batch = Batch(
        id=new_id(),
        owner=caller().owner,
        endpoint=body.endpoint,
        input_file_id=body.input_file_id,
        completion_window=body.completion_window,
        metadata=body.metadata,
        limits=replace(allowed(), stored_bytes=bounds().most),
        output_expires_in=body.output_expires_after.seconds if body.output_expires_after else None,
        output=OutputFile(id=new_file_id()),
        error=OutputFile(id=new_file_id()),
    )
    files_of = "" if caller().is_admin else caller().owner
    with as_broker_errors():
        verdict = services().batches.create(
            batch, window_seconds=window_seconds(body.completion_window), files_of=files_of
        )
    if verdict == "unknown":
        raise FileNotFound(f"There is no file '{body.input_file_id[:80]}'. Upload it first.", param="input_file_id")
    if verdict == "purpose":
        raise InvalidRequest("Only a file with the purpose 'batch' can be a batch's input.", param="input_file_id")
    if verdict == "many":
        raise RateLimited(
            f"An owner may have {MOST_KEPT} batches, and the oldest of this owner have not ended. "
            "Cancel some, or wait until they end.",
            retry_after_seconds=MANY_RETRY_SECONDS,
        )
    log.info("batch accepted", batch_id=batch.id, endpoint=batch.endpoint)
    return jsonify(view(find(batch.id)))


@blueprint.get("/v1/batches")
def index() -> Response:
    """List the caller's batches, newest first."""
    limit = PAGE.asked()
    with known_cursor("batches"):
        found = services().batches.owned(caller().owner, after=request.args.get("after"), limit=limit + 1)
    return page(found, limit=limit, view=view)


@blueprint.get("/v1/batches/<batch_id>")
def show(batch_id: str) -> Response:
    """Show a batch."""
    return jsonify(view(find(batch_id)))


@blueprint.post("/v1/batches/<batch_id>/cancel")
@counts_as_read
def cancel(batch_id: str) -> Response:
    """Cancel a batch that has not ended. Finished lines keep their answers."""
    return _ask(batch_id, "cancel")


@blueprint.post("/v1/batches/<batch_id>/pause")
def pause(batch_id: str) -> Response:
    """Pause a batch. Lines under way run to their ends."""
    return _ask(batch_id, "pause")


@blueprint.post("/v1/batches/<batch_id>/resume")
def resume(batch_id: str) -> Response:
    """End a pause."""
    return _ask(batch_id, "resume")


@blueprint.post("/v1/batches/<batch_id>/retry")
def retry(batch_id: str) -> Response:
    """Run the unanswered lines of an ended batch again.

    The batch keeps its id and gets a new output file, which also has the earlier answers in their places.
    """
    return _ask(batch_id, "retry")


def find(batch_id: str) -> Batch:
    """The batch of that id; raises BatchNotFound, for another owner's as for one that never was."""
    batch = services().batches.get(batch_id)
    if batch is None or not caller().sees(batch):
        raise BatchNotFound(f"There is no batch '{batch_id[:80]}'. It may have expired.")
    return batch


def _ask(batch_id: str, act: Act) -> Response:
    batch = find(batch_id)
    with as_broker_errors():
        verdict = services().batches.ask(batch_id, act, owner=batch.owner)
    match verdict:
        case "ok":
            log.info("batch asked", batch_id=batch_id, act=act)
            return jsonify(view(find(batch_id)))
        case "cancelling" if act == "cancel":
            return jsonify(view(find(batch_id)))
        case "none":
            raise BatchConflict(f"Every line of batch '{batch_id}' has its answer.", code="batch_not_failed")
        case "gone":
            raise BatchConflict(
                f"The input or the output of batch '{batch_id}' was deleted. Make a new batch.", code="batch_files_gone"
            )
        case status if act == "retry":
            raise BatchConflict(
                f"Batch '{batch_id}' is {status}. Only a completed, expired or cancelled batch can be retried.",
                code="batch_not_failed",
            )
        case status:
            raise BatchConflict(f"Batch '{batch_id}' is {status}, so you cannot {act} it.")


BLUEPRINTS = (blueprint,)
