"""``/webhooks/secret``."""

from __future__ import annotations

from app.endpoints.webhooks.wire import SecretAlreadyShown, WebhookSecret
from app.openapi.describe import Answer, Description
from tasks.errors import BrokerUnavailable, InvalidRequest

TAG = "Webhooks"
ABOUT = "The secret with which an owner's receivers verify messages."
_SECRET = {200: Answer(meaning="The secret.", schema=WebhookSecret)}

CALLS = {
    "webhooks.show": Description(
        tag=TAG, answers=_SECRET, errors=(InvalidRequest, SecretAlreadyShown, BrokerUnavailable)
    ),
    "webhooks.replace": Description(tag=TAG, answers=_SECRET, errors=(InvalidRequest, BrokerUnavailable)),
}
