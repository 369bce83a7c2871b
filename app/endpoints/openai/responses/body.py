"""The body of a response."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from app.bodies.job import MetadataKey
from app.bodies.sampling import MOST_TOKENS, CacheRetention, SamplingBody
from app.bodies.template_variables import TemplateVariables, template_variables
from app.bodies.tools import Choice, check_functions, chosen
from app.bodies.unused import UNUSED, Unused
from app.endpoints.openai.responses.custom_tools import custom_names
from app.endpoints.openai.responses.input import FindItem, Items, Message, check_outputs, messages
from app.endpoints.openai.responses.options import Reasoning, ResponseStreamOptions, Text
from app.endpoints.openai.responses.tools import FlatChoice, HostedTool, Tools, chosen_of, functions_of
from tasks.answers.constraint import GrammarError, from_json_schema
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

LOGPROBS = "message.output_text.logprobs"
SEALED_REASONING = "reasoning.encrypted_content"
Includable = Literal[
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
]
"""But for the first two they are parts of items that no response here has."""
ClientMetadata = Annotated[dict[MetadataKey, Annotated[str, Field(max_length=1 << 14)]], Field(max_length=16)]
"""As metadata, but for its length: Codex puts a whole document there."""
ResponseId = Annotated[str, Field(min_length=1, max_length=128)]
OTHERWISE = {
    "max_tokens": "Use max_output_tokens.",
    "response_format": "Use text.format.",
    "n": "A response has one choice.",
    "json_schema": "Use text.format.",
}
"""Fields of the other endpoints, and what to do here."""


def _leave_out_others(schema: dict[str, Any]) -> None:
    for field in OTHERWISE:
        del schema["properties"][field]


class ResponseBody(SamplingBody):
    """``POST /v1/responses``."""

    model_config = ConfigDict(json_schema_extra=_leave_out_others)

    operation: ClassVar[Operation] = Operation.RESPONSE
    limits: ClassVar[tuple[str, ...]] = ("max_output_tokens",)

    input: Items
    instructions: str | None = None
    previous_response_id: ResponseId | None = None
    tools: Tools | None = None
    tool_choice: FlatChoice | None = None
    parallel_tool_calls: bool | None = None
    text: Text | None = None
    max_output_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    include: list[Includable] | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    reasoning: Reasoning | None = None
    background: bool | None = None
    store: bool | None = None
    truncation: Annotated[Literal["auto", "disabled"] | None, Unused(done="disabled")] = None
    safety_identifier: Annotated[str | None, UNUSED] = Field(None, max_length=128)
    prompt_cache_key: Annotated[str | None, UNUSED] = Field(None, max_length=512)
    prompt_cache_retention: Annotated[CacheRetention | None, UNUSED] = None
    prompt_cache_options: Annotated[dict[str, Any] | None, UNUSED] = None
    image: Annotated[dict[str, Any] | None, UNUSED] = None
    max_tool_calls: int | None = Field(None, ge=1, le=MOST_TOKENS)
    """Of tools that the server runs: it runs none."""
    stream_options: ResponseStreamOptions | None = None
    chat_template_kwargs: TemplateVariables | None = None
    client_metadata: ClientMetadata | None = None
    """Codex's: kept with the metadata."""

    _earlier: Callable[[str], Sequence[Message]] | None = PrivateAttr(None)
    _item: FindItem | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _keep_client_metadata(self) -> Self:
        if self.client_metadata:
            self.metadata = {**self.client_metadata, **(self.metadata or {})}
        return self

    def go_on_from(self, earlier: Callable[[str], Sequence[Message]], item: FindItem) -> None:
        """Have the messages of the previous response, and items of others, looked up by ids when a job is made."""
        self._earlier, self._item = earlier, item

    def num_logprobs(self) -> int | None:
        if self._includes(LOGPROBS):
            return self.top_logprobs or 0
        if self.top_logprobs:
            raise InvalidRequest(f"top_logprobs needs '{LOGPROBS}' in include.", param="top_logprobs")
        return None

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        self._check()
        functions = functions_of(self.tools or ())
        wanted = chosen_of(self.tool_choice, functions)
        check_functions(functions, wanted)
        choice = chosen(wanted, functions)
        if functions and choice != "none" and (self.ignore_eos or self._includes(LOGPROBS)):
            field, other = ("ignore_eos", "ignore_eos") if self.ignore_eos else ("include", f"'{LOGPROBS}'")
            raise InvalidRequest(f"tools cannot be combined with {other}.", param=field)
        request: dict[str, Any] = {
            "messages": self._messages(),
            "sampling": self.sampling(entry).encode(),
            "response": self._echo(),
        }
        if functions:
            request["tools"] = [function.model_dump(exclude_none=True) for function in functions]
            request["parallel_tool_calls"] = self.parallel_tool_calls is not False
        if choice != "auto":
            request["tool_choice"] = choice
        effort = self.reasoning.effort if self.reasoning else None
        if variables := template_variables(entry, effort, self.chat_template_kwargs):
            request["template_variables"] = variables
        if self._includes(SEALED_REASONING):
            request["sealed_reasoning"] = True
        return request

    def _includes(self, part: str) -> bool:
        return part in (self.include or ())

    def _check(self) -> None:
        for field, hint in OTHERWISE.items():
            if getattr(self, field) is not None:
                raise InvalidRequest(
                    f"'{field}' is not a parameter of this call. {hint}", param=field, code="unknown_parameter"
                )
        if self.background and self.store is False:
            raise InvalidRequest("A background response must be stored, to be fetched later.", param="background")

    def _messages(self) -> list[Message]:
        previous = self.previous_response_id
        earlier = self._earlier(previous) if self._earlier and previous is not None else ()
        conversation = [*earlier, *messages(self.input, self._item)]
        if not conversation:
            raise InvalidRequest("The input is empty.", param="input")
        check_outputs(conversation)
        return [{"role": "system", "content": self.instructions}, *conversation] if self.instructions else conversation

    def _grammar(self) -> str | None:
        schema = self.text.format.schema_of_answer() if self.text else None
        if schema is None:
            return super()._grammar()
        if self.grammar or self.ignore_eos:
            field = "grammar" if self.grammar else "ignore_eos"
            raise InvalidRequest(f"{field} cannot be combined with text.format.", param=field)
        try:
            return from_json_schema(schema)
        except GrammarError as exc:
            raise InvalidRequest(f"text.format cannot be followed: {exc}.", param="text.format") from exc

    def _echo(self) -> dict[str, Any]:
        """What the Response object tells of the request and nothing else of the job does."""
        given = self.model_dump(
            include={"instructions", "previous_response_id", "user", "safety_identifier", "prompt_cache_key"}
        )
        tools = [tool.echo() for tool in self.tools or () if not isinstance(tool, HostedTool)]
        return {
            **given,
            "background": bool(self.background),
            "max_tool_calls": self.max_tool_calls,
            "parallel_tool_calls": self.parallel_tool_calls is not False,
            "reasoning": {"effort": self.reasoning.effort if self.reasoning else None, "summary": None},
            "store": self.store is not False,
            "text": {"format": (self.text or Text()).format.model_dump(by_alias=True, exclude_none=True)},
            "tool_choice": _tool_choice(self.tool_choice, custom_names(tools)),
            "tools": tools,
            "top_logprobs": self.top_logprobs or 0,
        }


def _tool_choice(choice: Choice | None, custom: Container[str]) -> str | dict[str, str]:
    """The choice of a tool, as it was given."""
    if choice is None or choice.function is None:
        return choice.type if choice else "auto"
    name = choice.function.name
    return {"type": "custom" if name in custom else "function", "name": name}
