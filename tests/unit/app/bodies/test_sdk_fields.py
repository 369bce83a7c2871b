"""Every field that the `openai` package knows is done, taken though nothing comes of it, or refused with a reason.

The fields are read from the package's own types, so that those of a newer release are noticed.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from openai.types.chat.chat_completion_stream_options_param import ChatCompletionStreamOptionsParam
from openai.types.chat.completion_create_params import CompletionCreateParamsBase as ChatParams
from openai.types.completion_create_params import CompletionCreateParamsBase as CompletionParams
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses.custom_tool_param import CustomToolParam
from openai.types.responses.function_tool_param import FunctionToolParam
from openai.types.responses.response_create_params import ResponseCreateParamsBase, StreamOptions
from openai.types.responses.response_text_config_param import ResponseTextConfigParam
from openai.types.responses.tool_param import ToolParam
from openai.types.shared_params.function_definition import FunctionDefinition
from openai.types.shared_params.reasoning import Reasoning as ReasoningParam
from pydantic import BaseModel, ValidationError

from app.bodies.part import Part
from app.bodies.sampling import StreamOptions as ChatStreamOptions
from app.bodies.tools import Function
from app.bodies.unused import UNUSED, Unused, unused
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.completion_body import CompletionBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from app.endpoints.openai.responses.body import ResponseBody
from app.endpoints.openai.responses.custom_tools import CustomTool
from app.endpoints.openai.responses.options import Reasoning, ResponseStreamOptions, Text
from app.endpoints.openai.responses.tools import FlatFunction, HostedKind
from tests.unit.app.bodies.test_part import least

TYPES: list[tuple[Any, type[Part]]] = [
    (ChatParams, ChatBody),
    (CompletionParams, CompletionBody),
    (EmbeddingCreateParams, EmbeddingBody),
    (ResponseCreateParamsBase, ResponseBody),
    (ChatCompletionStreamOptionsParam, ChatStreamOptions),
    (StreamOptions, ResponseStreamOptions),
    (ReasoningParam, Reasoning),
    (ResponseTextConfigParam, Text),
    (FunctionToolParam, FlatFunction),
    (FunctionDefinition, Function),
    (CustomToolParam, CustomTool),
]
REFUSED = {
    (ChatBody, "audio"): "the answer would have sound",
    (ChatBody, "function_call"): "of long ago: tool_choice",
    (ChatBody, "functions"): "of long ago: tools",
    (ChatBody, "moderation"): "the answer would say what is wrong with it",
    (ChatBody, "web_search_options"): "the answer would know the web",
    (CompletionBody, "suffix"): "the answer would lead to it",
    (ResponseBody, "access_programs"): "the model would allow more",
    (ResponseBody, "background_options"): "the response would come in the night",
    (ResponseBody, "context_management"): "the conversation would be made shorter",
    (ResponseBody, "conversation"): "the response would go on from it, and be added to it",
    (ResponseBody, "moderation"): "as a chat's",
    (ResponseBody, "prompt"): "the prompt would be one that OpenAI keeps",
}
REFUSED_VALUES = {
    (ChatBody, "modalities", "audio"): "the answer would have sound",
    (Reasoning, "mode", "pro"): "the model would work longer",
}
RUN_BY_THE_CLIENT = {"computer", "computer_use_preview", "local_shell", "shell", "apply_patch"}
"""Tools that are refused: the client would wait for calls of them."""


def fields(params: Any) -> dict[str, Any]:
    return get_type_hints(params)


def sent_names(kind: type[Part]) -> set[str]:
    return {field.alias or name for name, field in kind.model_fields.items()}


def words(hint: Any) -> Iterator[tuple[str, bool]]:
    """The words that a field may be, and whether it is a list of them."""
    if get_origin(hint) is Literal:
        yield from ((word, False) for word in get_args(hint) if isinstance(word, str))
    elif get_origin(hint) is list:
        yield from ((word, True) for word, _ in words(get_args(hint)[0]))
    elif get_origin(hint) in (Union, types.UnionType):
        yield from (found for each in get_args(hint) for found in words(each))


WORDS = [
    (kind, name, word, listed)
    for params, kind in TYPES
    for name, hint in fields(params).items()
    if (kind, name) not in REFUSED and name not in ("model", "tool_choice", "type")
    for word, listed in words(hint)
]


@pytest.mark.parametrize(("params", "kind"), TYPES, ids=lambda value: getattr(value, "__name__", None))
def test_no_field_of_the_package_is_in_none_of_the_three_tables(params: Any, kind: type[Part]) -> None:
    assert {name for name in fields(params) if name not in sent_names(kind) and (kind, name) not in REFUSED} == set()


@pytest.mark.parametrize(("kind", "field"), REFUSED)
def test_what_is_refused_is_no_field(kind: type[Part], field: str) -> None:
    assert field not in sent_names(kind)


@pytest.mark.parametrize(("kind", "field", "word", "listed"), WORDS)
def test_every_word_of_the_package_is_taken_or_refused_with_a_reason(
    kind: type[Part], field: str, word: str, listed: bool
) -> None:
    body = {**least(kind), field: [word] if listed else word}
    if (kind, field, word) in REFUSED_VALUES:
        with pytest.raises(ValidationError):
            kind.model_validate(body)
    else:
        assert kind.model_validate(body)


def test_words_of_the_package_are_found() -> None:
    names = {(kind, name) for kind, name, *_ in WORDS}
    assert names >= {
        (ChatBody, "reasoning_effort"),
        (ChatBody, "service_tier"),
        (ResponseBody, "include"),
        (ResponseBody, "truncation"),
        (Reasoning, "summary"),
        (Text, "verbosity"),
    }


def test_every_kind_of_tool_is_taken_or_refused_with_a_reason() -> None:
    kinds = {word for tool in get_args(ToolParam) for word, _ in words(fields(tool)["type"])}
    assert kinds - {"function", "custom", "namespace"} - {*get_args(HostedKind)} == RUN_BY_THE_CLIENT


def unused_paths(kind: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every unused field of a body, as a response would name it."""
    for name, field in kind.model_fields.items():
        if any(isinstance(mark, Unused) for mark in field.metadata):
            yield prefix + (field.alias or name)
        for part in parts(field.annotation):
            yield from unused_paths(part, f"{prefix}{name}.")


def parts(hint: Any) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and not get_args(hint) and issubclass(hint, BaseModel):
        yield hint
    for each in get_args(hint):
        yield from parts(each)


@pytest.mark.parametrize(
    ("page", "kinds"), [("openai.md", [ChatBody, CompletionBody, EmbeddingBody]), ("responses.md", [ResponseBody])]
)
def test_a_page_names_every_field_of_which_nothing_comes(page: str, kinds: list[type[BaseModel]]) -> None:
    text = (Path(__file__).parents[4] / "docs" / page).read_text()
    table = text.partition("`X-Unused-Parameters`")[2].partition("\n\n#")[0]
    wanted = {path for kind in kinds for path in unused_paths(kind)}
    assert len(wanted) > 5
    assert {
        path for path in wanted if f"`{path}`" not in table and f"`{path.rpartition('.')[2]}`" not in table
    } == set()


def test_what_comes_to_nothing_is_named_and_what_is_done_anyway_is_not() -> None:
    hello = [{"role": "user", "content": "Hello"}]
    sent = {"model": "demo", "messages": hello, "verbosity": "low", "store": True, "service_tier": "flex"}
    assert [*unused(ChatBody.model_validate(sent))] == ["store", "verbosity"]
    assert [*unused(ChatBody.model_validate({"model": "demo", "messages": hello, "store": False}))] == []
    tool = {"type": "function", "name": "f", "defer_loading": True}
    sent = {
        "model": "demo",
        "input": "Hello",
        "truncation": "auto",
        "text": {"verbosity": "high"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [tool, {**tool, "name": "g"}],
        "stream_options": {"include_obfuscation": False},
    }
    named = {"tools.defer_loading", "text.verbosity", "reasoning.summary", "truncation"}
    assert {*unused(ResponseBody.model_validate(sent))} == named
    assert [*unused(ResponseBody.model_validate({**sent, "tools": [tool]}))].count("tools.defer_loading") == 1
    assert Unused() == UNUSED
