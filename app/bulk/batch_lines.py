"""A row as a line of a batch's input, and a line of its output as the row's answer. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.bulk.answer import Answer
from app.bulk.errors import BulkError
from app.bulk.json_text import to_bytes
from caravan_client import Job
from caravan_client.server_errors import from_wire

CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
_PREFIX = "row-"
NO_LIMIT = -1
"""Of tokens: a completion of a batch has 16 unless it says otherwise, one of `POST /jobs` any number."""


def endpoint(*, raw: bool) -> str:
    """The endpoint that answers as `POST /jobs` does."""
    return COMPLETION if raw else CHAT


def line_body(body: Mapping[str, Any], *, raw: bool) -> dict[str, Any]:
    """What a line asks of the endpoint. It has the priority low without saying it."""
    asked = {name: value for name, value in body.items() if name != "priority"}
    return {"max_tokens": NO_LIMIT, **asked} if raw else asked


def input_line(number: int, body: Mapping[str, Any], *, raw: bool) -> bytes:
    """The line of a row whose job would have this body."""
    asked = line_body(body, raw=raw)
    line = {"custom_id": f"{_PREFIX}{number}", "method": "POST", "url": endpoint(raw=raw), "body": asked}
    return to_bytes(line) + b"\n"


def output_line(text: bytes) -> tuple[int, Answer]:
    """The row of a line that a batch has written, and its answer. Raises BulkError for a line of another form."""
    try:
        line = json.loads(text)
        number, response = int(line["custom_id"].removeprefix(_PREFIX)), line["response"]
        if response is None:
            return number, Answer(code=line["error"]["code"], message=line["error"]["message"])
        body = response["body"]
        if response["status_code"] != 200:
            return number, Answer.failure(from_wire(body["error"]))
        job = {"id": response["request_id"], "model": body["model"], "status": "succeeded", "finished_at": 0}
        return number, Answer.of(Job.from_wire({**job, "result": body, "usage": body["usage"]}))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as exc:
        raise BulkError("The output of the batch has a line that is no answer to a row.") from exc
