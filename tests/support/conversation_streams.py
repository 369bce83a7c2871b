"""Streams by their conversations, as llama-server's clients begin them and read them on."""

from __future__ import annotations

from typing import Any

from tests.support.cluster import Cluster, chat

LONG = "Tell me a long story about a fox."


def begin(cluster: Cluster, name: str, *, most: int = 0, **options: Any) -> tuple[str, bytes]:
    """Begin a conversation's stream and leave it after some bytes, or read it whole: its job, and what was read."""
    body, read = chat(LONG, stream=True, seed=7, **options), b""
    headers = [(b"X-Conversation-Id", name.encode())]
    with cluster.http.stream("POST", "/v1/chat/completions", json=body, headers=headers) as response:
        assert response.status_code == 200, response.read()
        for piece in response.iter_raw():
            read += piece
            if most and len(read) >= most:
                break
    return response.headers["X-Job-Id"], read


def resumed(cluster: Cluster, name: str, first: int = 0) -> bytes:
    response = cluster.http.get("/v1/stream", params={"conv_id": name, "from": first})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return response.content
