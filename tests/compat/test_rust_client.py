"""The async-openai crate, unmodified, against a real cluster."""

from __future__ import annotations

import json

from tests.compat.programs import RUST, needs_rust, printed
from tests.support.cluster import Cluster


@needs_rust
def test_the_rust_client_chats_streams_and_calls(cluster: Cluster) -> None:
    seen = json.loads(printed([str(RUST / "bin" / "debug" / "openai"), cluster.url], folder=RUST))
    assert seen["chat"] == "12 + 7 = 19."
    assert (seen["streamed"], seen["tokens"]) == ("1, 2, 3, 4, 5, 6, 7, 8, 9.", 19)
    name, arguments = seen["call"]
    assert (name, json.loads(arguments)) == ("get_weather", {"city": "Paris"})
    assert seen["answer"] == "It is sunny in Paris."
    assert seen["response"] == "The capital of France is Paris."
    assert seen["vectors"] == [160, 160]
    assert seen["refused"] == [404, "model_not_found"]
