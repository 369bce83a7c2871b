"""The body of a response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr
from pydantic_core import PydanticCustomError

from app.bodies.part import Part
from app.bodies.sampling import MOST_TOKENS, SamplingBody, StreamOptions
from app.bodies.tools import (
    MOST_TOOLS,
    Choice,
    Function,
    NamedFunction,
    ToolChoice,
    Words,
    check_functions,
    chosen,
)
from app.endpoints.openai.responses.input import Items, Message, check_outputs, messages
from tasks.answers.constraint import GrammarError, from_json_schema
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

LOGPROBS = "message.output_text.logprobs"
ResponseId = Annotated[str, Field(min_length=1, max_length=128)]
OTHERWISE = {
    "max_tokens": "Use max_output_tokens.",
    "response_format": "Use text.format.",
    "n": "A response has one choice.",
    "json_schema": "Use text.format.",
}
"""Fields of the other endpoints, and what to do here."""


class FlatFunction(Function):
    """A function that the model may call. There are no other kinds of tools."""

    type: Literal["function"]

    @property
    def function(self) -> dict[str, Any]:
        """As a job's request holds it."""
        return self.model_dump(exclude={"type"}, exclude_none=True)


def _as_tool(value: Any) -> Any:
    """Asked for first, so that a tool of another kind is not told that its name is missing."""
    if isinstance(value, dict) and value.get("type") != "function":
        raise PydanticCustomError("tool_type", "Only tools of type 'function' are supported")
    return value


def _as_choice(value: Any) -> Any:
    """As the chat endpoint has it, where a function's name stands one level deeper."""
    if isinstance(value, dict) and "name" in value:
        return {**{key: each for key, each in value.items() if key != "name"}, "function": {"name": value["name"]}}
    return value


FlatTool = Annotated[FlatFunction, BeforeValidator(_as_tool)]


class FlatChosen(NamedFunction):
    """The function that is to be called."""

    type: Literal["function"]


FlatChoice = Annotated[ToolChoice, BeforeValidator(_as_choice, json_schema_input_type=Words | FlatChosen)]


class TextFormat(Part):
    """The required form of the text."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = Field(None, max_length=64)
    description: str | None = None
    strict: bool | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")

    def schema_of_answer(self) -> dict[str, Any] | None:
        """The schema that the text has to meet, if any."""
        if self.type == "json_schema" and (self.schema_ is None or self.name is None):
            missing = "schema" if self.schema_ is None else "name"
            raise InvalidRequest(f"The type json_schema needs a {missing}.", param=f"text.format.{missing}")
        if self.type == "json_object":
            return {"type": "object"}
        return self.schema_ if self.type == "json_schema" else None


class Text(Part):
    """Options of the text."""

    format: TextFormat = TextFormat(type="text")
    verbosity: Literal["medium"] | None = None


class Reasoning(Part):
    """Options of reasoning. The model's template decides, so no option can be set."""

    effort: None = None
    summary: None = None
    generate_summary: None = None


class ResponseStreamOptions(StreamOptions):
    """Options of a streamed response. Its last event always has the usage."""

    include_usage: Literal[False] = False


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
    tools: Annotated[list[FlatTool], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: FlatChoice | None = None
    parallel_tool_calls: bool | None = None
    text: Text | None = None
    max_output_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    include: list[Literal["message.output_text.logprobs"]] | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    reasoning: Reasoning | None = None
    background: bool | None = None
    store: bool | None = None  # type: ignore[assignment]  # a chat is never stored, a response is unless asked not to
    truncation: Literal["disabled"] | None = None
    safety_identifier: str | None = Field(None, max_length=128)
    prompt_cache_key: str | None = Field(None, max_length=512)
    stream_options: ResponseStreamOptions | None = None
    chat_template_kwargs: Annotated[dict[str, Any], Field(max_length=32)] | None = None
    conversation: None = None
    context_management: None = None
    max_tool_calls: None = None
    moderation: None = None
    prompt: None = None
    prompt_cache_retention: None = None

    _earlier: Callable[[str], Sequence[Message]] | None = PrivateAttr(None)

    def go_on_from(self, earlier: Callable[[str], Sequence[Message]]) -> None:
        """Have the messages of the previous response looked up, by its id, when a job is made of this one."""
        self._earlier = earlier

    def num_logprobs(self) -> int | None:
        if LOGPROBS in (self.include or ()):
            return self.top_logprobs or 0
        if self.top_logprobs:
            raise InvalidRequest(f"top_logprobs needs '{LOGPROBS}' in include.", param="top_logprobs")
        return None

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        self._check()
        functions: list[Function] = [*(self.tools or ())]
        check_functions(functions, self.tool_choice)
        choice = chosen(self.tool_choice, functions)
        if functions and choice != "none" and (self.ignore_eos or self.include):
            field = "ignore_eos" if self.ignore_eos else "include"
            raise InvalidRequest(f"tools cannot be combined with {self.include or field}.", param=field)
        request: dict[str, Any] = {
            "messages": self._messages(),
            "sampling": self.sampling(entry).encode(),
            "response": self._echo(),
        }
        if self.tools:
            request["tools"] = [tool.function for tool in self.tools]
            request["parallel_tool_calls"] = self.parallel_tool_calls is not False
        if choice != "auto":
            request["tool_choice"] = choice
        if self.chat_template_kwargs:
            request["template_variables"] = self.chat_template_kwargs
        return request

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
        conversation = [*earlier, *messages(self.input)]
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
        return {
            **given,
            "background": bool(self.background),
            "max_tool_calls": None,
            "parallel_tool_calls": self.parallel_tool_calls is not False,
            "reasoning": {"effort": None, "summary": None},
            "store": self.store is not False,
            "text": {"format": (self.text or Text()).format.model_dump(by_alias=True, exclude_none=True)},
            "tool_choice": _tool_choice(self.tool_choice),
            "tools": [{"type": "function", **tool.model_dump(exclude={"type"})} for tool in self.tools or ()],
            "top_logprobs": self.top_logprobs or 0,
        }


def _tool_choice(choice: Choice | None) -> str | dict[str, str]:
    """The choice of a tool, as it was given."""
    if choice is None or choice.function is None:
        return choice.type if choice else "auto"
    return {"type": "function", "name": choice.function.name}
