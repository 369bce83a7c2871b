"""What is added to the logits of tokens: OpenAI's object of token ids, or llama-server's pairs, also of texts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.bodies.texts_or_tokens import MOST_TOKEN_ID
from tasks.records.sampling import FORBIDDEN

MOST = 1024
GREATEST = 100.0
_TOKEN = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": MOST_TOKEN_ID}, {"type": "string", "minLength": 1}]}
_BIAS = {"anyOf": [{"type": "number", "minimum": -GREATEST, "maximum": GREATEST}, {"const": False}]}
_PAIR = {"type": "array", "prefixItems": [_TOKEN, _BIAS], "items": False, "minItems": 2, "maxItems": 2}
_SCHEMA = {
    "anyOf": [
        {"type": "object", "propertyNames": {"minLength": 1}, "additionalProperties": _BIAS, "maxProperties": MOST},
        {"type": "array", "items": _PAIR, "maxItems": MOST},
        {"type": "null"},
    ]
}
Pair = tuple[int | str, float]


def _read(value: Any) -> list[Pair]:
    pairs = [(_id(token), bias) for token, bias in value.items()] if isinstance(value, dict) else value
    if not isinstance(pairs, list) or len(pairs) > MOST:
        raise PydanticCustomError(
            "bias", "Input should be an object or a list of pairs, {most} at most", {"most": MOST}
        )
    return [_pair(pair) for pair in pairs]


def _id(token: str) -> int | str:
    """An object's keys are texts: digits alone are a token's id."""
    return int(token) if token.isascii() and token.isdecimal() and len(token) < 10 else token


def _pair(pair: Any) -> Pair:
    match pair:
        case [str() | int() as token, bool() | int() | float() as bias] if _is_token(token):
            pass
        case _:
            raise PydanticCustomError("bias", "A bias needs a token, by its id or a text, and a number or false")
    if bias is False:
        return token, FORBIDDEN
    if bias is True or not -GREATEST <= bias <= GREATEST:
        raise PydanticCustomError("bias", "A bias should be false, or a number from -100 to 100")
    return token, float(bias)


def _is_token(value: int | str) -> bool:
    if isinstance(value, str):
        return value != ""
    return not isinstance(value, bool) and 0 <= value <= MOST_TOKEN_ID


Biases = Annotated[list[Pair], PlainValidator(_read), WithJsonSchema(_SCHEMA)]
"""Pairs of a token, by its id or as a text of which each token is meant, and a bias. False forbids the token."""
