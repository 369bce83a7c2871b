"""Streams of conversations."""

from __future__ import annotations

from app.endpoints.llama_server.streams.body import LookupBody
from app.endpoints.llama_server.streams.wire import FoundStream
from app.endpoints.openai.conversation import LONGEST
from app.endpoints.openai.wire import ChatChunk
from app.openapi.describe import Answer, Description, Event, Parameter
from app.openapi.examples import Examples
from tasks.error_wire import ErrorAnswer
from tasks.errors import BrokerUnavailable, InvalidRequest, JobNotFound

TAG = "Streams of conversations"
ABOUT = "llama-server's calls for a stream that was begun with the header `X-Conversation-Id`."

_CONVERSATION = Parameter(
    name="conv_id",
    where="query",
    meaning="What `X-Conversation-Id` was when the stream began.",
    schema={"type": "string", "minLength": 1, "maxLength": LONGEST},
    required=True,
    example="conversation-7",
)
_FROM = Parameter(
    name="from",
    where="query",
    meaning="Bytes of the stream that the client has.",
    schema={"type": "integer", "minimum": 0, "maximum": 999_999_999},
    example=1000,
)
_EXAMPLES: Examples = {"Two": {"conversation_ids": ["conversation-7", "conversation-8"]}}

CALLS = {
    "streams.resume": Description(
        tag=TAG,
        parameters=(_CONVERSATION, _FROM),
        answers={
            200: Answer(
                meaning="The rest of the stream, byte by byte as it was begun.",
                events=(
                    Event(meaning="A piece of the answer.", data=ChatChunk),
                    Event(meaning="The end of a complete answer.", word="[DONE]"),
                    Event(meaning="The job has failed; the last event.", data=ErrorAnswer),
                ),
            )
        },
        errors=(InvalidRequest, JobNotFound, BrokerUnavailable),
    ),
    "streams.stop": Description(
        tag=TAG,
        parameters=(_CONVERSATION,),
        answers={204: Answer(meaning="The job has ended, and the stream is kept no longer. There may have been none.")},
        errors=(InvalidRequest, BrokerUnavailable),
    ),
    "streams.lookup": Description(
        tag=TAG,
        bodies=(LookupBody,),
        examples=_EXAMPLES,
        answers={200: Answer(meaning="Those that there are.", schema=list[FoundStream])},
        errors=(InvalidRequest, BrokerUnavailable),
    ),
}
