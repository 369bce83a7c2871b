"""Equal forms of a conversation, for templates that do not take it as the client sent it.

A form is one step of each group, in the order of `GROUPS`. The first step of a group leaves everything as it is; the
others cost what they change. A form of less cost is tried first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tasks.engine.llama import steps
from tasks.engine.llama.steps import Given


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a conversation that keeps its meaning. ``name`` is what the log calls it."""

    name: str
    cost: int
    change: Callable[[Given], Given]


Form = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    given: Given
    form: Form = field(default=())

    @property
    def cost(self) -> int:
        return sum(step.cost for step in self.form)


def forms(given: Given, most: int) -> list[tuple[Form, Given]]:
    """The forms that differ for this conversation, cheapest first, and what each makes of it; so many at most."""
    made = [_Made(given)]
    for group in GROUPS:
        made = sorted((after for before in made for after in _after(before, group)), key=lambda each: each.cost)[:most]
    return [(each.form, each.given) for each in made]


def apply(form: Form, given: Given) -> Given:
    """The conversation in this form."""
    for step in form:
        given = step.change(given)
    return given


def names(form: Form) -> list[str]:
    """What was done, in words; nothing for a conversation as it is."""
    return [step.name for step in form if step.cost]


def _after(before: _Made, group: Sequence[Step]) -> list[_Made]:
    """What each step makes, without the steps that do no more than the first."""
    first, *others = (_Made(step.change(before.given), (*before.form, step)) for step in group)
    return [first, *(each for each in others if each.given != first.given)]


AS_IT_IS: Final = Step("", 0, steps.as_it_is)

GROUPS: Final[tuple[tuple[Step, ...], ...]] = (
    (AS_IT_IS, Step("calls as text", 20, steps.write_calls)),
    (
        AS_IT_IS,
        Step("system messages as one in front", 4, steps.system_in_front),
        Step("system messages in the first question", 8, steps.system_in_question),
    ),
    (AS_IT_IS, Step("messages of one role as one", 6, steps.join_turns)),
    (AS_IT_IS, Step("a turn for each call", 6, steps.split_calls)),
    (AS_IT_IS, Step("text and calls apart", 5, steps.text_apart)),
    (
        Step("", 0, steps.with_arguments(steps.object_or_text)),
        Step("arguments as text", 1, steps.with_arguments(steps.text_of)),
        Step("arguments always an object", 2, steps.with_arguments(steps.object_of)),
    ),
    (AS_IT_IS, Step("the other empty content", 1, steps.turn_empty_content)),
    (AS_IT_IS, Step("no tools as an empty list", 1, steps.no_tools_as_list)),
    (AS_IT_IS, Step("text as parts", 3, steps.text_as_parts)),
)
"""In the order in which they are done."""

PLAIN: Final[Form] = tuple(group[0] for group in GROUPS)
"""The conversation as it is."""
