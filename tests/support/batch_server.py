"""The server of `tests.support.bulk_server` with batches: one is run when somebody looks at it, if it is not held."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, BinaryIO

from tasks.errors import BatchConflict, BatchNotFound, CaravanError, FileNotFound
from tests.support.bulk_server import BulkServer

ENDED = ("completed", "failed", "cancelled")


class BatchServer(BulkServer):
    """Keeps files and batches.

    Args:
        holds: whether batches wait.
        answers: whether calls that wait for an answer get one.
        checks: whether their lines are checked; until then they wait as well.
        on_call: sees each call before it has an effect.
    """

    def __init__(
        self,
        *,
        holds: bool = False,
        answers: bool = True,
        checks: bool = True,
        on_call: Callable[[str, str], None] = lambda method, path: None,
        fails: Callable[[dict[str, Any]], CaravanError | None] = lambda body: None,
        refuses: Callable[[dict[str, Any]], CaravanError | None] = lambda body: None,
        dies_after: int | None = None,
    ) -> None:
        super().__init__(fails=fails, refuses=refuses, dies_after=dies_after)
        self.holds, self.checks, self.on_call = holds, checks, on_call
        self.answers = answers
        self.tried: list[str] = []
        """What was asked of the endpoint itself."""
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}

    def asked(self, batch_id: str) -> list[str]:
        """The rows of a batch."""
        return [line["body"]["messages"][-1]["content"] for line in self.batches[batch_id]["lines"]]

    async def upload_file(self, content: BinaryIO, *, name: str) -> dict[str, Any]:
        return {"id": self._store(content.read())}

    async def read_file(self, file_id: str, *, begin: int, size: int) -> bytes:
        return self.files[file_id][begin : begin + size]

    async def call(self, method: str, path: str, **given: Any) -> dict[str, Any]:  # type: ignore[override]
        self.on_call(method, path)
        match [method, *path.split("/")[1:]]:
            case ["POST", "v1", "chat", "completions"]:
                return await self._answer(given["body"])
            case ["POST", "v1", "batches"]:
                return self._make(given["body"])
            case ["GET", "v1", "batches"]:
                return {"data": list(self.batches.values()), "has_more": False}
            case ["GET", "v1", "batches", batch_id]:
                return self._seen(self._batch(batch_id))
            case ["POST", "v1", "batches", batch_id, "cancel"]:
                return self._cancelled(self._batch(batch_id))
            case ["GET", "v1", "files", file_id]:
                return {"bytes": len(self.files[file_id])}
            case ["DELETE", "v1", "files", file_id]:
                if file_id not in self.files:
                    raise FileNotFound("There is no such file.")
                del self.files[file_id]
        return {"data": []}

    async def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        self.tried.append(body["messages"][-1]["content"])
        if not self.answers:
            await asyncio.sleep(60)
        if error := self.refuses(body) or self.fails(body):
            raise error
        return {"choices": []}

    def _store(self, content: bytes) -> str:
        name = f"file-{len(self.files)}-{len(self.batches)}"
        self.files[name] = content
        return name

    def _batch(self, batch_id: str) -> dict[str, Any]:
        if batch_id not in self.batches:
            raise BatchNotFound("There is no such batch.")
        return self.batches[batch_id]

    def _make(self, body: dict[str, Any]) -> dict[str, Any]:
        lines = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        batch: dict[str, Any] = {
            **body, "id": f"batch_{len(self.batches)}", "status": "validating", "lines": lines, "paused_at": None,
            "progress": {"answered": 0, "stalled": None}, "request_counts": {"total": len(lines), "failed": 0},
            "usage": {"total_tokens": 0}, "output_file_id": None, "error_file_id": None, "errors": None,
        }  # fmt: skip
        self.batches[batch["id"]] = batch
        return batch

    def _seen(self, batch: dict[str, Any]) -> dict[str, Any]:
        if batch["status"] == "validating" and self.checks:
            refused = ((number, self.refuses(line["body"])) for number, line in enumerate(batch["lines"], 1))
            errors = [{"line": number, "message": error.message} for number, error in refused if error]
            batch |= {"status": "failed", "errors": {"data": errors}} if errors else {"status": "in_progress"}
        if batch["status"] == "in_progress" and not self.holds:
            written: tuple[list[dict[str, Any]], list[dict[str, Any]]] = [], []
            for line in batch["lines"]:
                error = self.fails(line["body"])
                written[error is not None].append({"custom_id": line["custom_id"], **self._response(line, error)})
            names = [self._store(b"".join(json.dumps(line).encode() + b"\n" for line in file)) for file in written]
            batch |= {"status": "completed", "output_file_id": names[0], "error_file_id": names[1]}
            batch["progress"]["answered"] = len(batch["lines"])
        return batch

    def _response(self, line: dict[str, Any], error: CaravanError | None) -> dict[str, Any]:
        text = line["body"]["messages"][-1]["content"]
        self.computed.append(text)
        if error:
            return {"response": {"status_code": 500, "request_id": "x", "body": {"error": error.to_wire()}}}
        choice = {"message": {"content": text.upper()}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        body = {"model": "demo", "choices": [choice], "usage": usage}
        return {"response": {"status_code": 200, "request_id": "x", "body": body}}

    def _cancelled(self, batch: dict[str, Any]) -> dict[str, Any]:
        if batch["status"] in ENDED:
            raise BatchConflict("The batch has ended.")
        batch["status"] = "cancelled"
        return batch
