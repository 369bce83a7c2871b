"""Everything that the `openai` package holds of an answer has a place in what can be sent back.

The fields are read from the package's own types, so that those of a newer release are noticed.
"""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from openai.types.chat.chat_completion_content_part_refusal_param import ChatCompletionContentPartRefusalParam
from openai.types.chat.parsed_chat_completion import ParsedChatCompletionMessage
from openai.types.chat.parsed_function_tool_call import ParsedFunction
from openai.types.responses import (
    ResponseCustomToolCallItem,
    ResponseCustomToolCallOutputItem,
    ResponseFunctionToolCallItem,
    ResponseOutputRefusal,
    ResponseReasoningItem,
)
from openai.types.responses.parsed_response import (
    ParsedResponseFunctionToolCall,
    ParsedResponseOutputMessage,
    ParsedResponseOutputText,
)
from openai.types.responses.response_function_tool_call_output_item import ResponseFunctionToolCallOutputItem
from openai.types.responses.response_input_message_item import ResponseInputMessageItem
from pydantic import BaseModel, TypeAdapter

from app.bodies.refusal import RefusalPart
from app.endpoints.openai.chat_body import CalledFunction, Message, ToolCall
from app.endpoints.openai.responses.input import InputItem, InputPart, Item
from tests.unit.app.bodies.test_sdk_fields import sent_names

TYPES: list[tuple[type[BaseModel], type[Any]]] = [
    (ParsedChatCompletionMessage, Message),
    (ChatCompletionMessageFunctionToolCall, ToolCall),
    (ParsedFunction, CalledFunction),
    (ParsedResponseOutputText, InputPart),
    (ParsedResponseOutputMessage, InputItem),
    (ParsedResponseFunctionToolCall, InputItem),
    (ResponseFunctionToolCallItem, InputItem),
    (ResponseFunctionToolCallOutputItem, InputItem),
    (ResponseInputMessageItem, InputItem),
    (ResponseCustomToolCallItem, InputItem),
    (ResponseCustomToolCallOutputItem, InputItem),
    (ResponseOutputRefusal, RefusalPart),
]


@pytest.mark.parametrize(("held", "sent"), TYPES, ids=lambda kind: kind.__name__)
def test_every_field_that_the_package_holds_can_be_sent_back(held: type[BaseModel], sent: type[Any]) -> None:
    assert {field.alias or name for name, field in held.model_fields.items()} - sent_names(sent) == set()


def test_a_refusals_part_has_the_fields_of_the_package() -> None:
    assert {*get_type_hints(ChatCompletionContentPartRefusalParam)} == sent_names(RefusalPart)


def test_reasoning_is_taken_whatever_the_package_holds_of_it() -> None:
    fields = dict.fromkeys(ResponseReasoningItem.model_fields, "x")
    assert TypeAdapter(Item).validate_python({**fields, "type": "reasoning"}).type == "reasoning"


def test_what_is_added_to_a_chats_message_is_passed_over() -> None:
    link = {"type": "url_citation", "url_citation": {"url": "x", "title": "x", "start_index": 0, "end_index": 1}}
    function = {"name": "f", "arguments": "{}", "parsed_arguments": {}}
    sent = {
        "role": "assistant",
        "content": "Hi.",
        "refusal": None,
        "annotations": [link],
        "audio": None,
        "function_call": None,
        "parsed": {"a": 1},
        "tool_calls": [{"id": "c1", "type": "function", "function": function, "index": 0}],
    }
    called = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert Message.model_validate(sent).payload() == {"role": "assistant", "content": "Hi.", "tool_calls": [called]}
