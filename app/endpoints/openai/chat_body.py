"""The body of a chat."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from app.bodies.part import Part
from app.bodies.refusal import OTHER, REFUSAL, RefusalPart, kind_of_part
from app.bodies.sampling import CacheRetention, MaxTokens, SamplingBody, Verbosity
from app.bodies.template_variables import Effort, TemplateVariables, template_variables
from app.bodies.tools import ToolChoice, Tools, check_functions, chosen
from app.bodies.unused import UNUSED
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

MOST_CALLS = 128


class TextPart(Part):
    """One part of a message's content."""

    type: Literal["text"]
    text: str


def _as_parts(value: Any) -> Any:
    """Plain text is one part. Not a union: its errors would name the members that were tried."""
    if not isinstance(value, str | list | None):
        raise PydanticCustomError("content_type", "Input should be a string or a list of parts")
    return [TextPart(type="text", text=value)] if isinstance(value, str) else value


ContentPart = Annotated[
    Annotated[TextPart, Tag(OTHER)] | Annotated[RefusalPart, Tag(REFUSAL)], Discriminator(kind_of_part)
]
Parts = Annotated[list[ContentPart], Field(min_length=1, fail_fast=True)]
Content = Annotated[Parts | None, BeforeValidator(_as_parts, json_schema_input_type=str | Parts | None)]


class CalledFunction(Part):
    """A function that the model has called. ``arguments`` is JSON, as text.

    ``parsed_arguments`` is what OpenAI's Python client adds for its caller; it is passed over, as ``parsed`` is.
    """

    name: str = Field(min_length=1, max_length=64)
    arguments: str
    parsed_arguments: Any = Field(None, exclude=True)


class ToolCall(Part):
    """A call of an earlier turn. ``index`` is its number in streams."""

    id: str = Field(max_length=128)
    type: Literal["function"] = "function"
    function: CalledFunction
    index: int | None = None


class Message(Part):
    """One message of a conversation. Clients may send an earlier answer's message back unchanged."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content = None
    name: str | None = Field(None, max_length=64)
    tool_call_id: str | None = Field(None, max_length=128)
    tool_calls: Annotated[list[ToolCall], Field(max_length=MOST_CALLS)] | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    annotations: Any = Field(None, exclude=True)
    audio: None = None
    function_call: None = None
    parsed: Any = Field(None, exclude=True)

    def payload(self, between: str = "\n") -> dict[str, Any]:
        """The message as chat templates know it: parts are lines, and OpenAI's ``developer`` is their ``system``.

        A refusal is what the assistant said.

        Args:
            between: what stands between the parts of its content.
        """
        said = [part.text for part in self.content or ()] or [self.refusal or ""]
        text = between.join(said)
        message = {"role": "system" if self.role == "developer" else self.role, "content": text}
        extra = {
            "name": self.name,
            "tool_call_id": self.tool_call_id,
            "reasoning_content": self.reasoning_content,
            "tool_calls": [call.model_dump(exclude={"index"}) for call in self.tool_calls or ()] or None,
        }
        return message | {key: value for key, value in extra.items() if value is not None}


def _check(messages: list[Message]) -> None:
    """Raise InvalidRequest for a message that says nothing, or calls what only a model can."""
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        if message.tool_calls and message.role != "assistant":
            raise InvalidRequest("Only an assistant's message may have tool_calls.", param=f"{where}.tool_calls")
        if message.role != "assistant" and any(part.type == "refusal" for part in message.content or ()):
            raise InvalidRequest("Only an assistant's message may have a refusal.", param=f"{where}.content")
        if message.content is None and not (message.role == "assistant" and (message.tool_calls or message.refusal)):
            raise InvalidRequest("A message needs content.", param=f"{where}.content")


class Conversation(Part):
    """What the model's chat template renders."""

    messages: list[Message] = Field(min_length=1, fail_fast=True)
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Effort | None = None
    chat_template_kwargs: TemplateVariables | None = None
    continue_final_message: bool | None = None
    add_generation_prompt: bool | None = None

    def conversation(self, entry: ModelEntry) -> dict[str, Any]:
        """What a job's request holds of it; raises InvalidRequest."""
        _check(self.messages)
        functions = [tool.function for tool in self.tools or ()]
        check_functions(functions, self.tool_choice)
        if self.parallel_tool_calls is not None and not functions:
            raise InvalidRequest("parallel_tool_calls needs tools.", param="parallel_tool_calls")
        request: dict[str, Any] = {"messages": [message.payload() for message in self.messages]}
        if functions:
            request["tools"] = [function.model_dump(exclude_none=True) for function in functions]
            request["parallel_tool_calls"] = self.parallel_tool_calls is not False
        if (choice := chosen(self.tool_choice, functions)) != "auto":
            request["tool_choice"] = choice
        variables = template_variables(entry, self.reasoning_effort, self.chat_template_kwargs)
        if self._continues():
            request["continues"] = True
            request["messages"][-1] = self.messages[-1].payload(between="\n\n")  # as llama-server has it
        elif self.add_generation_prompt is False:
            variables["add_generation_prompt"] = False
        if variables:
            request["template_variables"] = variables
        return request

    def _continues(self) -> bool:
        """Whether the answer goes on the last message: unasked, if that is the assistant's. Raises InvalidRequest."""
        *before, last = self.messages
        can = bool(before) and last.role == "assistant" and bool(last.content) and not last.tool_calls
        if not self.continue_final_message:
            unasked = can and self.continue_final_message is None and self.add_generation_prompt is None
            if unasked and before[-1].role == "assistant":
                raise InvalidRequest(
                    "Two messages of the assistant stand at the end. Send them as one, which the answer goes on, or "
                    "send continue_final_message: false.",
                    param="messages",
                )
            return unasked
        if self.add_generation_prompt:
            raise InvalidRequest(
                "continue_final_message cannot be combined with add_generation_prompt.", param="continue_final_message"
            )
        if not can:
            raise InvalidRequest(
                "Only an assistant's last message with content, behind others, can be continued.",
                param="continue_final_message",
            )
        return True


class ChatBody(Conversation, SamplingBody):
    """``POST /v1/chat/completions``, and ``POST /jobs`` with ``messages``."""

    operation: ClassVar[Operation] = Operation.CHAT
    limits: ClassVar[tuple[str, ...]] = ("max_completion_tokens", "max_tokens", "n_predict")

    max_completion_tokens: MaxTokens = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    reasoning_format: Literal["auto", "none"] | None = None
    modalities: list[Literal["text"]] | None = None
    verbosity: Annotated[Verbosity | None, UNUSED] = None
    safety_identifier: Annotated[str | None, UNUSED] = Field(None, max_length=128)
    prompt_cache_key: Annotated[str | None, UNUSED] = Field(None, max_length=512)
    prompt_cache_retention: Annotated[CacheRetention | None, UNUSED] = None
    prompt_cache_options: Annotated[dict[str, Any] | None, UNUSED] = None
    prediction: Annotated[dict[str, Any] | None, UNUSED] = None

    def num_logprobs(self) -> int | None:
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidRequest("top_logprobs needs logprobs: true.", param="top_logprobs")
        return (self.top_logprobs or 0) if self.logprobs else None

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        request = {**self.conversation(entry), "sampling": self.sampling(entry).encode()}
        if self.verbose:
            request["tells_prompt"] = True
        if "tools" in request and request.get("tool_choice") != "none" and self.ignore_eos:
            raise InvalidRequest("tools cannot be combined with ignore_eos.", param="ignore_eos")
        if self.reasoning_format:
            request["reasoning_format"] = self.reasoning_format
        return request
