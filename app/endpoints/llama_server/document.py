"""llama-server's own calls."""

from __future__ import annotations

from app.endpoints.llama_server import wire
from app.endpoints.llama_server.body import LlamaCompletionBody
from app.endpoints.openai.document import runs
from app.openapi import examples
from app.openapi.describe import Event
from tasks.error_wire import ErrorAnswer

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

CALLS = {"llama_server.complete": _COMPLETE, "llama_server.complete_as_well": _COMPLETE}
