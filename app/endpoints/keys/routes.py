"""``/admin/keys``: make, list and revoke API keys."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from app.access.scopes import for_admins
from app.bodies.validation import validate
from app.endpoints.keys.view import view
from app.endpoints.keys.wire import KeyBody, check_models
from app.http.json_body import read_json
from app.services.services import services
from tasks.errors import InsufficientScope, NotFound
from tasks.logs import get_logger

blueprint = Blueprint("keys", __name__)

log = get_logger(__name__)


@blueprint.before_request
def refuse_while_off() -> None:
    """Whoever may call without a key must not make one that outlasts that."""
    if not services().settings.keys:
        raise InsufficientScope("API keys are off. Start the web front with CARAVAN_KEYS=true to use them.")


@blueprint.post("/admin/keys")
@for_admins
def create() -> tuple[Response, int]:
    """Make a key. Only this response has its secret."""
    body = validate(KeyBody, read_json())
    check_models(body, services().catalogue)
    key, secret = services().keys.create(body.key(), expires_in=body.expires_in)
    log.info("key made", key_id=key.id, owner=key.owner, scopes=sorted(key.scopes))
    response = jsonify({**view(key), "key": secret})
    response.headers["Cache-Control"] = "no-store"
    return response, 201


@blueprint.get("/admin/keys")
@for_admins
def index() -> Response:
    """List all keys, without their secrets, the oldest first."""
    return jsonify({"object": "list", "data": [view(key) for key in services().keys.all()]})


@blueprint.delete("/admin/keys/<key_id>")
@for_admins
def revoke(key_id: str) -> Response:
    """Revoke a key: the server refuses it from now on. Its owner's jobs continue."""
    if not services().keys.revoke(key_id):
        raise NotFound(f"There is no key '{key_id[:80]}'. `caravan keys list` shows all, as GET /admin/keys does.")
    log.info("key revoked", key_id=key_id)
    return jsonify({"id": key_id, "object": "key", "deleted": True})


BLUEPRINTS = (blueprint,)
