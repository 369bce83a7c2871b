"""A model's own chat template, as Hugging Face's transformers run it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import partial
from typing import Any, Final

from tasks.answers.syntax import Syntax
from tasks.answers.tools.formats import detect
from tasks.engine.llama.conversation import Habits, as_given, quote
from tasks.engine.llama.fitting import REFUSALS, Fit, find_fit
from tasks.engine.llama.forms import PLAIN, apply, names
from tasks.engine.llama.prefill import prefill
from tasks.engine.llama.quoting import Prompt, joined, quoted
from tasks.engine.llama.shape import Kind, shape_of
from tasks.engine.llama.steps import Given
from tasks.engine.llama.template_environment import changes_lists, create_environment, names_time, time_names
from tasks.errors import InvalidRequest
from tasks.logs import get_logger

log = get_logger(__name__)

MOST_SHAPES: Final = 1024
"""Shapes of conversations whose form is remembered."""

Variables = Mapping[str, Any]


class ChatTemplate:
    """One template. Nothing is wrong with one that cannot be read until it is used.

    The prompt depends on the template, the conversation and the time that is given, and on nothing else: another
    worker makes the same.

    Args:
        source: the template.
        bos: the text of the token that begins a prompt.
        eos: the text of the token that ends one.
        quotes: whether no special token is read in what a conversation says.
    """

    def __init__(self, source: str, *, bos: str, eos: str, quotes: bool = True) -> None:
        self._source, self._quotes = source, quotes
        self._tokens = {"bos_token": bos, "eos_token": eos}
        self._habits = Habits.read(source)
        self._changes_lists = changes_lists(source)
        self._fits: dict[tuple[tuple[Kind, ...], bool, str], Fit] = {}
        self.tells_time = names_time(source)
        """Whether a prompt may depend on the time."""
        self.syntax: Syntax = detect(source)
        """How the model that has it writes."""
        self._error = ""
        try:
            self._template = create_environment().from_string(source)
        except Exception as exc:  # of jinja2, of the Python that it makes of it, or of what it works out at once
            self._error = str(exc) or type(exc).__name__

    @classmethod
    def unusable(cls, reason: str) -> ChatTemplate:
        """One that is not even read."""
        template = cls("", bos="", eos="")
        template._error = reason
        return template

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Variables | None = None,
        at: float = 0.0,
        begun: Mapping[str, Any] | None = None,
    ) -> Prompt:
        """The prompt of a conversation, up to where the model's answer begins.

        Args:
            messages: as OpenAI has them; contents are text, and the arguments of calls JSON text.
            tools: OpenAI's function objects.
            variables: what else the template may know of.
            at: what the template takes for now, in seconds since the epoch.
            begun: the assistant's message that the answer goes on.

        Raises:
            InvalidRequest: the template refuses them in every form, or leaves out what is asked.
        """
        if self._error:
            raise InvalidRequest(f"The model's chat template cannot be read: {self._error}", param="messages")
        given, known = as_given(messages, tools or (), self._habits), _known(variables, at, quotes=self._quotes)
        shape = shape_of(messages)
        fit = self._fit(shape.kinds, with_tools=bool(tools), variables=variables)
        if fit.lost is not None:
            where = _where(messages, shape.places[fit.lost])
            raise InvalidRequest(f"The model's chat template leaves out the text of {where}.", param="messages")
        try:
            rendered = self._render_as(fit, given, known)
        except REFUSALS as exc:
            where = "" if fit.refused is None else f" ({_where(messages, shape.places[fit.refused])})"
            message = f"The model's chat template refuses these messages: {exc}{where}"
            raise InvalidRequest(message, param="messages") from exc
        return Prompt(joined("", [rendered, *prefill(rendered, begun, quotes=self._quotes)]) if begun else rendered)

    def _fit(self, kinds: tuple[Kind, ...], *, with_tools: bool, variables: Variables | None) -> Fit:
        """The form of conversations of this shape; looked for once."""
        key = (kinds, with_tools, json.dumps(variables or {}, sort_keys=True))
        fit = self._fits.get(key)
        if fit is None:
            run = partial(self._run, known=_known(variables, 0.0))
            fit = find_fit(kinds, with_tools=with_tools, habits=self._habits, source=self._source, run=run)
            if len(self._fits) >= MOST_SHAPES:
                self._fits.clear()
            self._fits[key] = fit
            if done := names(fit.form):
                log.info("chat template takes another form", form=done, roles=[kind.role for kind in kinds])
        return fit

    def _render_as(self, fit: Fit, given: Given, known: Variables) -> str:
        if fit.form != PLAIN:
            with suppress(*REFUSALS):  # it is the contents that are refused
                return self._run(self._quoted(apply(fit.form, given)), known)
        return self._run(self._quoted(apply(PLAIN, given)), known)

    def _quoted(self, given: Given) -> Given:
        return quote(given) if self._quotes else given

    def _run(self, given: Given, known: Variables) -> str:
        rendered: dict[str, Any] = {"messages": given.messages, "tools": given.tools}
        if self._changes_lists:
            rendered = deepcopy(rendered)
        if not self._habits.knows_tools:  # how Firefunction's template is told of them
            rendered["functions"] = json.dumps(given.tools, ensure_ascii=False, indent=2) if given.tools else ""
        return self._template.render({**known, **self._tokens, **rendered})


def _known(variables: Variables | None, at: float, *, quotes: bool = False) -> Variables:
    """What a template may know of beside the conversation, as llama.cpp tells it too."""
    given = variables or {}
    if quotes:
        given = {name: quoted(value) for name, value in given.items()}
    effort = {"reasoning_strength": given["reasoning_effort"]} if "reasoning_effort" in given else {}
    return {
        "add_generation_prompt": True,
        "enable_thinking": True,
        "documents": None,
        **time_names(at),
        **effort,
        **given,
    }


def _where(messages: Sequence[Mapping[str, Any]], place: int) -> str:
    return f"messages.{place}, of the role {messages[place].get('role')}"
