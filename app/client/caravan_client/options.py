"""What may be asked for beside the prompt, and the body made of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from pydantic import BaseModel

Asked = str | Sequence[Mapping[str, Any]] | Mapping[str, Any]
"""A user's message, a chat's messages, or a whole body of ``POST /jobs``."""


class Options(TypedDict, total=False):
    """Fields of ``POST /jobs``. What is not here goes into a whole body."""

    model: str
    priority: Literal["high", "normal", "low"]
    timeout: float
    max_attempts: int
    webhook: str
    metadata: Mapping[str, str]
    max_tokens: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int
    stop: str | Sequence[str]
    response_format: Mapping[str, Any]
    grammar: str
    tools: Sequence[Mapping[str, Any]]
    tool_choice: str | Mapping[str, Any]


def body(
    asked: Asked, options: Options, *, model: str | None = None, response_model: type[BaseModel] | None = None
) -> dict[str, Any]:
    """The body of a job.

    Args:
        model: the one to ask if neither of the others names one.
        response_model: what the answer is to be an instance of.
    """
    found: dict[str, Any] = {"model": model} if model else {}
    found |= {"messages": [{"role": "user", "content": asked}]} if isinstance(asked, str) else {}
    if isinstance(asked, Mapping):
        found |= asked
    elif not isinstance(asked, str):
        found["messages"] = list(asked)
    found |= options
    if response_model is not None:
        wanted = _closed(response_model.model_json_schema())
        schema = {"name": response_model.__name__, "schema": wanted, "strict": True}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    return found


def _closed(schema: Any) -> Any:
    """A schema whose objects have the properties that it names and no others, unless it says otherwise.

    A model asked for whatever else it likes to say beside them says it until its tokens are used up.
    """
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _closed(each) for name, each in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(inner.get("properties"), dict) else inner
