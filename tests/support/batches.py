"""Batches as a client makes and reads them, over plain HTTP."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.support.waiting import until

CHAT = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")
_VARIES = re.compile(rb'"created":\d+|"created_at":\d+|"completed_at":\d+|"cached_tokens":\d+')
_IDS = re.compile(rb'"(?:id|request_id)":"[^"]*"')


def request(custom_id: str, body: Mapping[str, Any], *, url: str = CHAT) -> dict[str, Any]:
    """A line of a batch."""
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": dict(body)}


def question(number: int, text: str, **options: Any) -> dict[str, Any]:
    """A line that asks the demo model, greedily."""
    body = {"model": "demo", "messages": [{"role": "user", "content": text}], "temperature": 0, **options}
    return request(f"row-{number}", body)


def jsonl(lines: Iterable[Mapping[str, Any] | str]) -> bytes:
    """An input file; a line that is text stands as it is."""
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines).encode()


class Batches:
    """What a test asks of a cluster about batches."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def upload(self, content: bytes | Path) -> dict[str, Any]:
        with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
            response = self.http.post(
                "/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", file)}, timeout=600
            )
        assert response.status_code == 200, response.text
        uploaded: dict[str, Any] = response.json()
        return uploaded

    def create(self, content: bytes | Path, *, endpoint: str = CHAT, window: str = "24h", **more: Any) -> str:
        """Upload and run; the batch's id."""
        file_id = self.upload(content)["id"]
        body = {"input_file_id": file_id, "endpoint": endpoint, "completion_window": window, **more}
        response = self.http.post("/v1/batches", json=body)
        assert response.status_code == 200, response.text
        return str(response.json()["id"])

    def get(self, batch_id: str) -> dict[str, Any]:
        batch: dict[str, Any] = self.http.get(f"/v1/batches/{batch_id}").json()
        return batch

    def ask(self, batch_id: str, act: str) -> httpx.Response:
        return self.http.post(f"/v1/batches/{batch_id}/{act}")

    def until(
        self, batch_id: str, condition: Callable[[dict[str, Any]], Any], *, seconds: float = 60
    ) -> dict[str, Any]:
        """The batch as it is when something is true of it, through any absence of the front."""

        def met() -> dict[str, Any] | None:
            try:
                batch = self.get(batch_id)
            except (httpx.HTTPError, ValueError):
                return None
            return batch if "status" in batch and condition(batch) else None

        return until(met, seconds=seconds, what=f"batch {batch_id} is as it should be")

    def ended(self, batch_id: str, *, seconds: float = 60) -> dict[str, Any]:
        return self.until(batch_id, lambda batch: batch["status"] in ENDED, seconds=seconds)

    def content(self, file_id: str | None, **headers: str) -> bytes:
        """A file's bytes; none if there is no file."""
        if file_id is None:
            return b""
        response = self.http.get(f"/v1/files/{file_id}/content", headers=headers, timeout=600)
        assert response.status_code in (200, 206), response.text
        return response.content

    def lines(self, file_id: str | None) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.content(file_id).splitlines()]


def texts(lines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What the chats of an output said, by their custom ids."""
    return {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines}


def normalised(output: bytes) -> bytes:
    """An output without what two runs of the same lines never share: ids, times, and what the cache held."""
    return _IDS.sub(b'"id":""', _VARIES.sub(b'"varies":0', output))
