"""The jinja2 in which chat templates run: Hugging Face's, and the names that llama.cpp knows beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from types import GeneratorType
from typing import Any, Final, NoReturn

import jinja2
from jinja2 import nodes, pass_eval_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension, loopcontrols
from jinja2.filters import sync_do_join
from jinja2.parser import Parser
from jinja2.sandbox import SandboxedEnvironment

from tasks.engine.llama.quoting import escaped, joined

_CHANGE: Final = re.compile(r"\b(append|clear|extend|insert|pop|popitem|remove|reverse|setdefault|sort|update)\b")


class _GenerationTag(Extension):
    """``{% generation %}``: marks for training what an assistant said."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _CodeGenerator(CodeGenerator):
    """Jinja's, in whose code ``~`` joins texts as everything else does."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - as jinja2 calls it
        self.write("environment.concat(map(str, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write(")))")


class _Environment(SandboxedEnvironment):
    """Hugging Face's environment, in which what is quoted stays so."""

    code_generator_class = _CodeGenerator
    concat = staticmethod(partial(joined, ""))


def create_environment() -> jinja2.Environment:
    """The environment. Lists can be changed in it, as in llama.cpp: templates of Kimi's gather messages so."""
    environment = _Environment(trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTag, loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.filters["join"] = _join
    for name in ("capitalize", "lower", "string", "trim", "upper"):
        environment.filters[name] = _of_text(environment.filters[name])
    environment.globals["raise_exception"] = _refuse
    return environment


def changes_lists(source: str) -> bool:
    """Whether a template may change what it is given, which then has to be a copy."""
    return _CHANGE.search(source) is not None


_TIME = re.compile(r"\b(?:strftime_now|date_string|datetime)\b")


def names_time(source: str) -> bool:
    """Whether a template names any of `time_names`."""
    return _TIME.search(source) is not None


def time_names(at: float) -> Mapping[str, Any]:
    """What tells a template the time: ``date_string`` and ``datetime`` as llama.cpp writes them, and ``strftime_now``.

    Args:
        at: the time, in seconds since the epoch. It is told in UTC, so that every machine tells the same.
    """
    moment = datetime.fromtimestamp(at, UTC)
    return {
        "date_string": moment.strftime("%d %b %Y"),
        "datetime": moment.strftime("%b %d %Y"),
        "strftime_now": moment.strftime,
    }


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    text = json.dumps(
        value, ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys, default=_listed
    )
    return escaped(text) if ensure_ascii else text


def _of_text(given: Callable[..., str]) -> Callable[..., str]:
    """A filter that is given what a list or the like shows as a text that is read by what it says."""
    return lambda value, *others: given(joined("", [value]), *others)


@pass_eval_context
def _join(context: nodes.EvalContext, value: Any, d: str = "", attribute: str | int | None = None) -> str:
    return joined("", [sync_do_join(context, value, d, attribute)])


def _listed(value: Any) -> Any:
    """What a filter like ``map`` gives is read to its end."""
    if isinstance(value, GeneratorType):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)
