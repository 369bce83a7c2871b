"""The body of ``POST /v1/messages/batches``, and the input of the batch that it asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from app.bodies.part import Part
from tasks.errors import CaravanError, InvalidRequest

ENDPOINT = "/v1/messages"
MOST_REQUESTS = 100_000
LONGEST_MODEL = 256
CustomId = Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")]


class BatchedRequest(Part):
    """One request: the body of ``POST /v1/messages``. What is wrong in it fails it alone, when its turn comes."""

    custom_id: CustomId
    params: dict[str, Any]


class MessageBatchBody(Part):
    """Requests to be answered together."""

    requests: list[BatchedRequest] = Field(min_length=1, max_length=MOST_REQUESTS, fail_fast=True)


def input_lines(body: MessageBatchBody, own_name: Callable[[str], str], *, longest: int) -> list[bytes]:
    """The lines of the batch's input.

    Args:
        own_name: the catalogue's name of the model that a request names, or '' for none.
        longest: bytes that a line may have.

    Raises:
        InvalidRequest: two requests have one id, or one names no model, is too long or has too large a number.
        ModelNotFound: a request names a model that is not there.
    """
    seen, made = set[str](), list[bytes]()
    for number, request in enumerate(body.requests):
        where = f"requests.{number}"
        if request.custom_id in seen:
            raise InvalidRequest(
                f"{where}.custom_id: An earlier request has '{request.custom_id}' as well.", param=f"{where}.custom_id"
            )
        seen.add(request.custom_id)
        params = {**request.params, "model": _own_name(request.params.get("model"), own_name, where)}
        line = {"custom_id": request.custom_id, "method": "POST", "url": ENDPOINT, "body": params}
        try:
            text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except ValueError as exc:  # 1e999, which would fail the other requests with it
            message = f"{where}.params: A number is too large."
            raise InvalidRequest(message, param=f"{where}.params") from exc
        if len(text) > longest:
            raise InvalidRequest(f"{where}.params: A request has {longest} bytes at most.", param=f"{where}.params")
        made.append(text + b"\n")
    return made


def _own_name(given: Any, own_name: Callable[[str], str], where: str) -> str:
    param = f"{where}.params.model"
    if not isinstance(given, str | None) or len(given or "") > LONGEST_MODEL:
        raise InvalidRequest(f"{param}: Input should be the name of a model.", param=param)
    try:
        return own_name(given or "")
    except CaravanError as exc:
        raise type(exc)(exc.message, param=param, code=exc.code) from exc
