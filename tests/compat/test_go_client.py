"""OpenAI's package for Go, unmodified, against a real cluster."""

from __future__ import annotations

import json

from tests.compat.programs import GO, needs_go, printed
from tests.support.cluster import Cluster


@needs_go
def test_the_go_client_chats_streams_calls_and_fills_a_schema(cluster: Cluster) -> None:
    seen = json.loads(printed([str(GO / "bin" / "openai"), cluster.url], folder=GO))
    assert seen["chat"] == "12 + 7 = 19."
    assert (seen["streamed"], seen["tokens"]) == ("1, 2, 3, 4, 5, 6, 7, 8, 9.", 19)
    name, arguments = seen["call"]
    assert (name, json.loads(arguments)) == ("get_weather", {"city": "Paris"})
    assert seen["answer"] == "It is sunny in Paris."
    assert [type(value) for value in json.loads(seen["typed"]).values()] == [int]
    assert seen["response"] == "The capital of France is Paris."
    assert seen["vectors"] == [160, 160]
    assert seen["refused"] == [404, "model_not_found"]
