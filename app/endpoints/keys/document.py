"""``/admin/keys``."""

from __future__ import annotations

from app.endpoints.keys.wire import ApiKeyList, DeletedApiKey, KeyBody, NewApiKey
from app.openapi.describe import Answer, Description, Parameter
from app.openapi.examples import Examples
from tasks.errors import BrokerUnavailable, InvalidRequest, ModelNotFound, NotFound, RequestTooLarge

TAG = "Keys"
ABOUT = "API keys, for admins."
_ID = Parameter(
    name="key_id", where="path", meaning="The key's `id`.", schema={"type": "string", "minLength": 1}, example="key-1"
)
_EXAMPLES: Examples = {
    "Without limits": {"name": "alice"},
    "With limits, for a month": {
        "name": "nightly",
        "owner": "alice",
        "limits": {"requests_per_minute": 60, "tokens_per_minute": 100_000, "jobs_in_flight": 8, "priority": "low"},
        "expires_in": 2_592_000,
    },
}

CALLS = {
    "keys.create": Description(
        tag=TAG,
        bodies=(KeyBody,),
        examples=_EXAMPLES,
        answers={201: Answer(meaning="The key, with its secret.", schema=NewApiKey, links={"keys.revoke": "key_id"})},
        errors=(InvalidRequest, ModelNotFound, RequestTooLarge, BrokerUnavailable),
    ),
    "keys.index": Description(
        tag=TAG, answers={200: Answer(meaning="The keys.", schema=ApiKeyList)}, errors=(BrokerUnavailable,)
    ),
    "keys.revoke": Description(
        tag=TAG,
        parameters=(_ID,),
        answers={200: Answer(meaning="The key is revoked.", schema=DeletedApiKey)},
        errors=(NotFound, BrokerUnavailable),
    ),
}
