"""``/session``: who calls, and a browser's session in the place of a key."""

from __future__ import annotations

import time

from flask import Blueprint, Response, jsonify

from app.access import session
from app.access.caller import caller, secret_of_request
from app.endpoints.session.wire import ClosedSession, SessionOf
from app.http.other_sites import refuse_change
from app.services.services import services
from tasks.errors import InsufficientScope
from tasks.ledger.sessions import SECONDS
from tasks.logs import get_logger

blueprint = Blueprint("session", __name__)

log = get_logger(__name__)


@blueprint.get("/session")
def show() -> Response:
    """Tell who calls, and what their key is for."""
    return jsonify(_view())


@blueprint.post("/session")
def create() -> tuple[Response, int]:
    """Open a session of the key that the request carries: from now on, the cookie is enough for our own pages.

    It ends after 12 hours, or with its key.
    """
    refuse_change()
    if not services().settings.keys:
        raise InsufficientScope("API keys are off: all calls can be made without a session.")
    secret, key = secret_of_request(), caller()
    seconds = SECONDS if key.expires_at is None else max(1, min(SECONDS, int(key.expires_at - time.time())))
    token = services().sessions.open(key.id, secret, seconds=seconds)
    log.info("session opened")
    response = jsonify({**_view(), "expires_in": seconds})
    session.keep(response, token, seconds=seconds)
    response.headers["Cache-Control"] = "no-store"
    return response, 201


@blueprint.delete("/session")
def delete() -> Response:
    """End the session of the request's cookie."""
    refuse_change()
    if token := session.token():
        services().sessions.close(token)
        log.info("session closed")
    closed: ClosedSession = {"object": "session", "deleted": True}
    response = jsonify(closed)
    session.drop(response)
    return response


def _view() -> SessionOf:
    key, keys = caller(), services().settings.keys
    return {
        "object": "session",
        "keys": keys,
        "owner": key.owner,
        "key": key.name if keys else None,
        "scopes": sorted(key.scopes),
    }


BLUEPRINTS = (blueprint,)
