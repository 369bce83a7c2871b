"""What ``/webhooks/secret`` answers with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from tasks.errors import CaravanError


class SecretAlreadyShown(CaravanError):
    """Raised when an owner asks again for a secret that is shown once."""

    http_status = 409
    type = "conflict_error"
    code = "webhook_secret_shown"


class WebhookSecret(TypedDict):
    """The secret of an owner's webhooks. Only this response has it."""

    object: Literal["webhook_secret"]
    owner: str
    secret: Annotated[str, Field(pattern="^whsec_[A-Za-z0-9+/]{43}=$")]
