"""A client for streamed completions that takes little of the processor, which it shares with what it measures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

PART_BYTES = 1 << 16
TIMEOUT_SECONDS = 900


class StreamFailed(Exception):
    """Raised when a server refuses a request, sends an error, or breaks off."""


@dataclass(slots=True)
class Answer:
    """What came, and when. Times are of `time.perf_counter`."""

    asked: float = 0.0
    times: list[float] = field(default_factory=list)
    """Of each piece of text."""
    usage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Pieces of text where the server counts no tokens."""
        return int(self.usage.get("completion_tokens", len(self.times)))

    @property
    def first_seconds(self) -> float:
        return self.times[0] - self.asked

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in pairwise(self.times)]

    def take(self, event: Mapping[str, Any]) -> None:
        """Notice one event."""
        if "error" in event:
            raise StreamFailed(str(event["error"])[:200])
        if event.get("choices") and event["choices"][0].get("text"):
            self.times.append(time.perf_counter())
        self.usage = event.get("usage") or self.usage


def body(model: str, prompt: str, max_tokens: int, **options: Any) -> dict[str, Any]:
    """A greedy completion of exactly so many tokens, where the server knows how to ignore the end token."""
    return {
        "model": model, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0.0, "ignore_eos": True,
        "stream": True, "stream_options": {"include_usage": True}, **options,
    }  # fmt: skip


async def ask(url: str, request: Mapping[str, Any], answer: Answer) -> None:
    """Post a completion to the server at `url`, and fill in the answer as it comes; raises `StreamFailed`."""
    address, data = urlsplit(url), json.dumps(request).encode()
    head = (
        f"POST /v1/completions HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    )
    async with asyncio.timeout(TIMEOUT_SECONDS):
        answer.asked = time.perf_counter()
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(head.encode() + data)
            await _read(reader, answer)
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader, answer: Answer) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head.split(None, 2)[1].decode()
    if status != "200":
        raise StreamFailed(f"{status} {(await reader.read(500)).decode(errors='replace')}")
    async for line in _lines(reader, chunked=b"transfer-encoding: chunked" in head):
        if line.startswith(b"data: {"):
            answer.take(json.loads(line[6:]))
        elif line.startswith(b"data: [DONE]"):
            return
    raise StreamFailed("the stream broke off")


async def _lines(reader: asyncio.StreamReader, *, chunked: bool) -> AsyncIterator[bytes]:
    raw, rest = b"", b""
    while part := await reader.read(PART_BYTES):
        if chunked:
            part, raw = _dechunk(raw + part)
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line


def _dechunk(raw: bytes) -> tuple[bytes, bytes]:
    """What the whole chunks at the beginning hold, and what comes after them."""
    parts = []
    while (end := raw.find(b"\r\n")) > 0:
        start, size = end + 2, int(raw[:end].split(b";")[0], 16)
        if len(raw) < start + size + 2:
            break
        parts.append(raw[start : start + size])
        raw = raw[start + size + 2 :]
    return b"".join(parts), raw
