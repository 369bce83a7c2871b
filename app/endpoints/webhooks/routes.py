"""``/webhooks/secret``: the secret with which the caller's receivers verify messages."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from app.access.caller import caller
from app.endpoints.webhooks.wire import SecretAlreadyShown, WebhookSecret
from app.services.services import services
from tasks.errors import InsufficientScope, InvalidRequest
from tasks.ledger.connection import as_broker_errors
from tasks.logs import get_logger
from tasks.webhooks.owner_secrets import OwnerSecrets

blueprint = Blueprint("webhooks", __name__)

log = get_logger(__name__)


@blueprint.before_request
def refuse_without_secrets() -> None:
    """Without keys the server's own secret signs, which opens every owner's: it is told to nobody."""
    if not services().settings.webhook_secrets:
        raise InvalidRequest(
            "This server sends no webhooks. Set CARAVAN_WEBHOOK_SECRET for the web front and the clerk."
        )
    if not services().settings.keys:
        raise InsufficientScope("API keys are off: webhooks are signed with CARAVAN_WEBHOOK_SECRET itself.")


@blueprint.get("/webhooks/secret")
def show() -> Response:
    """Show the secret of the caller's webhooks, once. Only this response has it."""
    owner = caller().owner
    if request.method == "HEAD":  # whose answer has no body: the secret would count as shown, and nobody would have it
        return Response(content_type="application/json")
    with as_broker_errors():
        secret = _secrets().show(owner)
    if secret is None:
        raise SecretAlreadyShown(
            f"The secret of '{owner}' was shown before. If it is lost, make a new one with POST /webhooks/secret."
        )
    log.info("webhook secret shown")
    return _view(owner, secret)


@blueprint.post("/webhooks/secret")
def replace() -> Response:
    """Make a new secret for the caller's webhooks. The one before signs messages for a day more."""
    owner = caller().owner
    with as_broker_errors():
        secret = _secrets().replace(owner)
    log.info("webhook secret replaced")
    return _view(owner, secret)


def _secrets() -> OwnerSecrets:
    return OwnerSecrets(services().redis, server=services().settings.webhook_secrets)


def _view(owner: str, secret: str) -> Response:
    view: WebhookSecret = {"object": "webhook_secret", "owner": owner, "secret": secret}
    response = jsonify(view)
    response.headers["Cache-Control"] = "no-store"
    return response


BLUEPRINTS = (blueprint,)
