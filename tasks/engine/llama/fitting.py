"""Which form of a conversation a template takes, found with a short conversation of the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import jinja2

from tasks.engine.llama.conversation import Habits, as_given
from tasks.engine.llama.forms import PLAIN, Form, forms
from tasks.engine.llama.shape import SAMPLE_TOOLS, Kind, Sample, sample_of
from tasks.engine.llama.steps import Given, Message

MOST_TRIES: Final = 256
"""Forms that are tried at most."""
MOST_WORK: Final = 8192
"""Messages that are rendered at most, all tries together, to bound the time that a long conversation takes."""
FEWEST_TRIES: Final = 4
LONGEST_BLAMED: Final = 32
"""Messages of a shape at most for which the one that is refused is looked for."""

REFUSALS: Final = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What templates raise, on purpose or because they did not think of such messages."""

_SIGNS: Final = ("{'key'", "'type': 'text'", '"type": "text"', "None")
"""Signs of a value that the template wrote as Python or JSON shows it, where it should have written what it holds."""

Run = Callable[[Given], str]


@dataclass(frozen=True, slots=True)
class Fit:
    """The form that a template takes of a shape.

    ``lost`` is the place in the shape of the message whose text is in no form's prompt. ``refused`` is that of the
    first message with which no form is taken.
    """

    form: Form
    lost: int | None = None
    refused: int | None = None


def find_fit(kinds: Sequence[Kind], *, with_tools: bool, habits: Habits, source: str, run: Run) -> Fit:
    """The form in which a template takes conversations of this shape; the one of least change, if there are more.

    Args:
        kinds: the shape.
        with_tools: whether functions are offered.
        habits: the template's.
        source: the template.
        run: renders; raises one of `REFUSALS`.
    """
    sample = sample_of(kinds)
    parts = partial(_part, sample, SAMPLE_TOOLS if with_tools else (), habits)
    found = _search(sample, parts(len(kinds)), source, run)
    if found is None and len(kinds) <= LONGEST_BLAMED:
        return Fit(PLAIN, refused=_blamed(map(parts, range(1, len(kinds) + 1)), run))
    return found or Fit(PLAIN)


def _part(sample: Sample, tools: Sequence[Message], habits: Habits, length: int) -> Given:
    return as_given(sample.messages[:length], tools, habits)


def _search(sample: Sample, given: Given, source: str, run: Run) -> Fit | None:
    """The first form in which all is said; else the first in which the needed text is; nothing if all are refused."""
    signs = [sign for sign in _SIGNS if sign not in source]
    second: Fit | None = None
    for form, made in forms(given, max(FEWEST_TRIES, min(MOST_TRIES, MOST_WORK // len(given.messages)))):
        try:
            prompt = run(made)
        except REFUSALS:
            continue
        if sample.needed and sample.needed[1] not in prompt:
            second = second or Fit(PLAIN, lost=sample.needed[0])
        elif not any(sign in prompt for sign in signs):
            if all(text in prompt for text in sample.wanted):
                return Fit(form)
            second = Fit(form) if second is None or second.lost is not None else second
    return second


def _blamed(parts: Iterable[Given], run: Run) -> int | None:
    """The last message of the first part that is refused; nothing if that cannot be told."""
    for place, part in enumerate(parts):
        if all(_refuses(made, run) for _, made in forms(part, FEWEST_TRIES)):
            return place
    return None


def _refuses(given: Given, run: Run) -> bool:
    try:
        run(given)
    except REFUSALS:
        return True
    return False
