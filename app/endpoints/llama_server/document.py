"""llama-server's own calls."""

from __future__ import annotations

from app.endpoints.llama_server import wire
from app.endpoints.llama_server.body import InfillBody, InputTokensBody, LlamaCompletionBody, LlamaEmbeddingBody
from app.endpoints.openai.document import runs
from app.openapi import examples
from app.openapi.describe import Answer, Description, Event, Parameter
from app.openapi.parts import RUN_ERRORS, URGENCY, X_ON_DISCONNECT
from tasks.error_wire import ErrorAnswer
from tasks.errors import BrokerUnavailable, InvalidRequest, ModelNotFound

TAG = "llama-server"
ABOUT = "llama-server's own calls. Each that generates is a job; `X-Job-Id` is its id."

_EVENTS = (
    Event(meaning="A piece of the answer.", data=wire.Piece),
    Event(meaning="The end of the answer with this `index`, and its figures.", data=wire.LlamaCompletion),
    Event(meaning="The job failed after its first token; the last event.", data=ErrorAnswer),
)
_COMPLETE = runs(
    LlamaCompletionBody,
    wire.LlamaCompletion | list[wire.LlamaCompletion],
    examples.LLAMA_COMPLETIONS,
    tag=TAG,
    events=_EVENTS,
)
_INFILL = runs(InfillBody, wire.LlamaCompletion, examples.INFILLS, tag=TAG, events=_EVENTS)
_EMBED = runs(LlamaEmbeddingBody, list[wire.LlamaEmbedding], examples.EMBEDDINGS, tag=TAG)
_MODEL = Parameter(
    name="model",
    where="query",
    meaning="The model's name. It may be left out where one model alone generates.",
    schema={"type": "string"},
    example="demo",
)
_FAILS = Parameter(
    name="fail_on_no_slot",
    where="query",
    meaning="Whatever its value: the status is 503 if no slot is idle.",
    schema={"type": "string"},
)

CALLS = {
    "llama_server.complete": _COMPLETE,
    "llama_server.complete_as_well": _COMPLETE,
    "llama_server.infill": _INFILL,
    "llama_server.input_tokens": runs(InputTokensBody, wire.InputTokens, examples.APPLY_TEMPLATE, tag=TAG),
    "llama_server.embed": _EMBED,
    "llama_server.embed_as_well": _EMBED,
    "llama_server.props": Description(
        tag=TAG,
        parameters=(_MODEL, X_ON_DISCONNECT, *URGENCY),
        answers={200: Answer(meaning="The properties.", schema=wire.Props)},
        errors=RUN_ERRORS,
    ),
    "llama_server.slots": Description(
        tag=TAG,
        parameters=(_MODEL, _FAILS),
        answers={200: Answer(meaning="The slots.", schema=list[wire.Slot])},
        errors=(InvalidRequest, ModelNotFound, BrokerUnavailable, wire.NoSlotIdle),
    ),
}
