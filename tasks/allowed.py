"""What a field of a pydantic model may be, in words: ``a whole number from 1 to 128``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from tasks.texts import any_of


def allowed(field: FieldInfo) -> str:
    """What the field may be, by its type and its bounds."""
    kinds = types_of(field)
    for kind in kinds:
        if get_origin(kind) is Literal:
            return any_of(get_args(kind))
    if bool in kinds:
        return "true or false"
    if int in kinds or float in kinds:
        return " ".join(["a whole number" if int in kinds else "a number", *_bounds(field.metadata)])
    return "a text" if str in kinds else "something else"


def types_of(field: FieldInfo) -> tuple[Any, ...]:
    """The field's type; those of a union."""
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return (annotation,)
    kinds = get_args(annotation) or (annotation,)
    return tuple(get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds)


def _bounds(metadata: Sequence[Any]) -> list[str]:
    words = {type(each): each for each in metadata}
    least, above, most = words.get(Ge), words.get(Gt), words.get(Le)
    if least and most:
        return [f"from {least.ge} to {most.le}"]
    return [f"of {least.ge} or more"] if least else [f"above {above.gt}"] if above else []
