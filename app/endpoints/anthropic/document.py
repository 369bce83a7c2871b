"""``/v1/messages``, in Anthropic's form."""

from __future__ import annotations

from dataclasses import replace

from app.endpoints.anthropic import wire
from app.endpoints.anthropic.body import CountTokensBody, MessagesBody
from app.endpoints.anthropic.errors import FORM
from app.endpoints.openai.document import runs
from app.endpoints.openai.token_wire import TokenCount
from app.openapi import examples
from app.openapi.describe import Description, Event, Parameter

TAG = "Anthropic"
ABOUT = "Anthropic's Messages. Each call is a job; `X-Job-Id` is its id. Failures have Anthropic's form."
BETA = Parameter(
    name="beta",
    where="query",
    meaning="Anthropic's clients send it with beta features. Changes nothing.",
    schema={"type": "string"},
    example="true",
)
_KINDS = {
    wire.MessageStart: "message_start",
    wire.BlockStart: "content_block_start",
    wire.BlockDelta: "content_block_delta",
    wire.BlockStop: "content_block_stop",
    wire.MessageDelta: "message_delta",
    wire.MessageStop: "message_stop",
    wire.Ping: "ping",
    wire.MessageErrorAnswer: "error",
}
_EVENTS = tuple(
    Event(meaning=" ".join((kind.__doc__ or "").split()), data=kind, name=name) for kind, name in _KINDS.items()
)


def _as_anthropic(call: Description) -> Description:
    return replace(call, parameters=(BETA, *call.parameters), error_form=FORM)


CALLS = {
    "messages.create": _as_anthropic(
        runs(MessagesBody, wire.MessageObject, examples.MESSAGES, tag=TAG, events=_EVENTS)
    ),
    "messages.count_tokens": _as_anthropic(runs(CountTokensBody, TokenCount, examples.COUNTED, tag=TAG)),
}
