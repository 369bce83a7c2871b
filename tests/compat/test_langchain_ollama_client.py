"""`langchain-ollama`, unmodified, against a real cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaLLM
from pydantic import BaseModel

from tests.support.cluster import Cluster

WEATHER = "What is the weather in Paris?"


@pytest.fixture
def model(cluster: Cluster) -> Iterator[ChatOllama]:
    model = ChatOllama(
        model="demo", base_url=cluster.url, temperature=0, num_ctx=1024, num_predict=200, validate_model_on_init=True
    )
    with model._client:  # it does not close it itself
        yield model


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return "sunny"


def test_a_chat(model: ChatOllama) -> None:
    answer = model.invoke("What is 12 + 7?")
    assert answer.content == "12 + 7 = 19."
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 21
    assert answer.response_metadata["done_reason"] == "stop"


def test_a_stream(model: ChatOllama) -> None:
    pieces = [chunk.content for chunk in model.stream("Count to 9.")]
    assert "".join(map(str, pieces)) == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert len(pieces) > 3


def test_a_tool_is_called_and_its_answer_told(model: ChatOllama) -> None:
    with_tools = model.bind_tools([get_weather])
    call = with_tools.invoke(WEATHER)
    assert [(one["name"], one["args"]) for one in call.tool_calls] == [("get_weather", {"city": "Paris"})]
    told = get_weather.invoke(call.tool_calls[0])
    answer = with_tools.invoke([("user", WEATHER), call, told])
    assert answer.content == "It is sunny in Paris."


def test_an_answer_of_a_given_shape(model: ChatOllama) -> None:
    class City(BaseModel):
        name: str

    answer = model.with_structured_output(City).invoke("What is the capital of France?")
    assert isinstance(answer, City)


def test_a_prompt(cluster: Cluster) -> None:
    model = OllamaLLM(model="demo", base_url=cluster.url, temperature=0)
    assert model._client is not None
    with model._client:
        assert model.invoke("What is 12 + 7?") == "12 + 7 = 19."
