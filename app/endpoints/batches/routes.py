"""``/v1/batches``: create, show, list, cancel, pause, resume and retry batches."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from app.access.caller import caller
from app.access.scopes import counts_as_read
from app.bodies.validation import validate
from app.endpoints.batches.calls import accept, ask, find
from app.endpoints.batches.view import view
from app.endpoints.batches.wire import PAGE, BatchBody
from app.http.json_body import read_json
from app.http.paging import known_cursor, page
from app.services.services import services

blueprint = Blueprint("batches", __name__)


@blueprint.post("/v1/batches")
def create() -> Response:
    """Run a file of requests with priority low."""
    body = validate(BatchBody, read_json())
    batch = accept(
        endpoint=body.endpoint,
        input_file_id=body.input_file_id,
        completion_window=body.completion_window,
        metadata=body.metadata,
        output_expires_in=body.output_expires_after.seconds if body.output_expires_after else None,
    )
    return jsonify(view(batch))


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
    return jsonify(view(ask(find(batch_id), "cancel")))


@blueprint.post("/v1/batches/<batch_id>/pause")
def pause(batch_id: str) -> Response:
    """Pause a batch. Lines under way run to their ends."""
    return jsonify(view(ask(find(batch_id), "pause")))


@blueprint.post("/v1/batches/<batch_id>/resume")
def resume(batch_id: str) -> Response:
    """End a pause."""
    return jsonify(view(ask(find(batch_id), "resume")))


@blueprint.post("/v1/batches/<batch_id>/retry")
def retry(batch_id: str) -> Response:
    """Run the unanswered lines of an ended batch again.

    The batch keeps its id and gets a new output file, which also has the earlier answers in their places.
    """
    return jsonify(view(ask(find(batch_id), "retry")))


BLUEPRINTS = (blueprint,)
