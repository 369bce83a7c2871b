"""Bounds of numbers that llguidance 1.9 computes with, which has them as 64-bit floats.

It makes a regular expression of decimal digits of them, for integers within 64 bits. So a bound of an integer is exact
where it is such a float, or the largest of 64 bits; one at the ends of the 64 bits is moved inside to what can be
written, and so is one of a float that is too large, or too small, for the expression.
"""

from __future__ import annotations

import math
from typing import Any, Final

from tasks.answers.schemas.walk import Schema

INTEGER_MOST: Final = 2**63 - 1
INTEGER_LEAST: Final = -(2**63) + 1024
"""The least one that llguidance writes: -2^63 itself overflows there."""
FLOAT_MOST: Final = 1e17
FLOAT_LEAST: Final = 1e-15
_LOW, _HIGH = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")


def with_exact_bounds(schema: Schema) -> Schema:
    """The schema with each bound as llguidance takes it; a bound that has no exact form stays."""
    made = _with_numbers_for_flags(schema)
    whole = made.get("type") == "integer"
    for key in (*_LOW, *_HIGH):
        if key not in made or not _is_number(made[key]):
            continue
        sign = -1 if key in _LOW else 1
        name, bound = _whole(key, made[key], sign) if whole else _real(key, made[key], sign)
        del made[key]
        both = (bound, made.get(name, bound))
        made[name] = max(both) if key in _LOW else min(both)
    return made


def inexact(schema: Schema) -> str | None:
    """The keyword whose integer a float rounds to another, if there is one."""
    for key in (*_LOW, *_HIGH, "multipleOf"):
        if key in schema and _rounds(schema[key]) and not (key == "maximum" and schema[key] == INTEGER_MOST):
            return key
    if _holds_rounded(schema.get("const")):
        return "const"
    listed = schema.get("enum")
    return "enum" if isinstance(listed, list) and any(map(_holds_rounded, listed)) else None


def _with_numbers_for_flags(schema: Schema) -> Schema:
    """Draft 4 has a flag where later ones have the number."""
    made = dict(schema)
    for bound, exclusive in (_LOW, _HIGH):
        if isinstance(made.get(exclusive), bool):
            flagged = made.pop(exclusive)
            if flagged and bound in made:
                made[exclusive] = made.pop(bound)
    return made


def _whole(key: str, value: float, sign: int) -> tuple[str, float]:
    """A bound of an integer, inclusive; `sign` is 1 for one from above.

    llguidance computes the inclusive bound of an exclusive one as a float, which beyond 2^53 changes nothing.
    """
    inclusive = key.replace("exclusiveM", "m")
    if isinstance(value, float) and not value.is_integer():
        return inclusive, math.ceil(value) if sign < 0 else math.floor(value)
    value = int(value) - (sign if key != inclusive else 0)
    return inclusive, min(value, INTEGER_MOST) if sign > 0 else max(value, INTEGER_LEAST)


def _real(key: str, value: float, sign: int) -> tuple[str, float]:
    """A bound of any number, moved inside."""
    inclusive = key.replace("exclusiveM", "m")
    if sign * value > FLOAT_MOST:
        return inclusive, sign * FLOAT_MOST
    if 0 < abs(value) < FLOAT_LEAST:
        return inclusive, 0 if sign * value > 0 else -sign * FLOAT_LEAST
    return key, value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(min(value, 2**63))


def _rounds(value: Any) -> bool:
    """Whether it is an integer that is no 64-bit float, or beyond them."""
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    try:
        return int(float(value)) != value
    except OverflowError:
        return True


def _holds_rounded(value: Any) -> bool:
    """Whether a constant is, or has in it, a number that llguidance would write otherwise."""
    if isinstance(value, list):
        return any(map(_holds_rounded, value))
    if isinstance(value, dict):
        return any(map(_holds_rounded, value.values()))
    return _rounds(value) or (_is_number(value) and abs(value) > -INTEGER_LEAST and float(value).is_integer())
