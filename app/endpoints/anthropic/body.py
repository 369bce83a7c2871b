"""The bodies of Anthropic's calls, and the chat that each is."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from app.bodies.job import JobBody
from app.bodies.part import Part
from app.bodies.sampling import MOST_TOKENS, StopList
from app.bodies.unused import UNUSED, Unused
from app.bodies.urgency import Urgency
from app.bodies.validation import validate
from app.endpoints.anthropic.blocks import Message, System
from app.endpoints.anthropic.conversation import chat_messages
from app.endpoints.anthropic.tools import ToolChoice, Tools, chat_tools
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.tokens.body import ApplyTemplateBody
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation
from tasks.records.sampling_ranges import TopK

COUNTS = "counts_tokens"
"""What a job's request calls it that the rendered prompt's tokens are to be counted."""
SEALED = "sealed_reasoning"
"""What a job's request calls it that the text of the reasoning is told in its signature alone."""
_Options = Annotated[dict[str, Any] | None, UNUSED]
_Name = Annotated[str | None, UNUSED]
_SWITCHES = {"enabled": True, "between_tools": True, "disabled": False}


class Thinking(Part):
    """Whether the model reasons. ``adaptive`` leaves it to the model's chat template; no budget is kept."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: Annotated[int | None, UNUSED, Field(ge=1)] = None
    display: Literal["summarized", "omitted"] | None = None


class OutputFormat(Part):
    """The form that the answer has to have."""

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")

    def response_format(self) -> dict[str, Any]:
        """As the chat endpoint has it."""
        return {"type": "json_schema", "json_schema": {"schema": self.schema_}}


class OutputConfig(Part):
    """The form of the answer, and how long the model may reason."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None
    task_budget: _Options = None


class Asked(Part):
    """What a model is asked."""

    messages: list[Message] = Field(min_length=1, fail_fast=True)
    system: System | None = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    cache_control: dict[str, Any] | None = Field(None, exclude=True)
    mcp_servers: Annotated[list[Any] | None, Unused(done=[])] = None
    context_management: _Options = None
    speed: Annotated[Literal["standard", "fast"] | None, Unused(done="standard")] = None
    user_profile_id: _Name = None
    workspace_id: _Name = None

    def conversation(self) -> dict[str, Any]:
        """The fields of a chat that render the same prompt; raises InvalidRequest."""
        fields: dict[str, Any] = {"messages": chat_messages(self.system or (), self.messages)}
        fields |= chat_tools(self.tools or (), self.tool_choice)
        if self.output_config and self.output_config.effort:
            fields["reasoning_effort"] = self.output_config.effort
        if self.thinking and self.thinking.type in _SWITCHES:
            fields["chat_template_kwargs"] = {"enable_thinking": _SWITCHES[self.thinking.type]}
        return fields


class MessagesBody(Asked, JobBody, Urgency):
    """``POST /v1/messages``."""

    operation: ClassVar[Operation] = Operation.CHAT

    max_tokens: int = Field(ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: TopK | None = None
    stop_sequences: StopList | None = None
    stream: bool | None = None
    service_tier: Annotated[Literal["auto", "standard_only"] | None, UNUSED] = None
    inference_geo: _Name = None
    container: Annotated[str | dict[str, Any] | None, UNUSED] = None
    compaction: _Options = None
    diagnostics: _Options = None
    billing_policy: _Options = None
    fallbacks: Annotated[str | list[Any] | None, UNUSED] = None

    @property
    def shows_thinking(self) -> bool:
        """Whether the answer has the text of the reasoning."""
        return not (self.thinking and self.thinking.display == "omitted")

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        fields = self.model_dump(include={"max_tokens", "temperature", "top_p", "top_k"}, exclude_none=True)
        fields |= {"model": self.model, "stop": self.stop_sequences, **self.conversation()}
        if form := self._format():
            fields["response_format"] = form.response_format()
        request = validate(ChatBody, fields).request(entry)
        return request if self.shows_thinking else {**request, SEALED: True}

    def _format(self) -> OutputFormat | None:
        named = self.output_config.format if self.output_config else None
        if named and self.output_format:
            raise InvalidRequest(
                "output_format is another name of output_config.format. Send one of them.", param="output_format"
            )
        return named or self.output_format


class CountTokensBody(Asked, JobBody):
    """``POST /v1/messages/count_tokens``."""

    operation: ClassVar[Operation] = Operation.APPLY_TEMPLATE

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        body = validate(ApplyTemplateBody, {"model": self.model, **self.conversation()})
        return {**body.request(entry), COUNTS: True}
