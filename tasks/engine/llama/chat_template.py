"""A model's own chat template, as Hugging Face's transformers run it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tasks.answers.syntax import Syntax
from tasks.answers.tools.formats import detect
from tasks.engine.llama.conversation import Conversation, Habits
from tasks.errors import InvalidRequest

_REFUSALS: Final = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What templates raise, on purpose or because they did not think of such messages."""


class ChatTemplate:
    """One template. Nothing is wrong with one that cannot be read until it is used.

    Args:
        source: the template.
        bos: the text of the token that begins a prompt.
        eos: the text of the token that ends one.
    """

    def __init__(self, source: str, *, bos: str, eos: str) -> None:
        self._tokens = {"bos_token": bos, "eos_token": eos}
        self._habits = Habits.read(source)
        self.syntax: Syntax = detect(source)
        """How the model that has it writes."""
        self._error = ""
        try:
            self._template = _environment().from_string(source)
        except (jinja2.TemplateError, RecursionError, SyntaxError) as exc:  # of the Python that jinja2 makes of it
            self._error = str(exc)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The prompt of a conversation, up to where the model's answer begins.

        Args:
            messages: as OpenAI has them; contents are text, and the arguments of calls JSON text.
            tools: OpenAI's function objects.
            variables: what else the template may know of.

        Raises:
            InvalidRequest: the template refuses them.
        """
        if self._error:
            raise InvalidRequest(f"The model's chat template cannot be read: {self._error}", param="messages")
        conversation = Conversation(messages, tools or (), self._habits)
        try:
            try:
                return self._run(conversation, variables or {}, parsed=True)
            except TypeError:  # it puts the arguments into a text, so it wants them as one
                return self._run(conversation, variables or {}, parsed=False)
        except _REFUSALS as exc:
            raise InvalidRequest(f"The model's chat template refuses these messages: {exc}", param="messages") from exc

    def _run(self, conversation: Conversation, variables: Mapping[str, Any], *, parsed: bool) -> str:
        given = {
            "messages": conversation.messages(parsed=parsed),
            "tools": conversation.tools(),
            "add_generation_prompt": True,
        }
        return self._template.render({"documents": None, **variables, **self._tokens, **given})


class _GenerationTag(Extension):
    """``{% generation %}``: marks for training what an assistant said."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTag, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals |= {"raise_exception": _refuse, "strftime_now": _now}
    return environment


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)
