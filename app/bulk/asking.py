"""From a row to the body of a job, and from the job to the row's answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from app.bulk.errors import BulkError
from app.bulk.json_text import to_json
from app.bulk.row_groups import Row

ROW = "row"
"""The name under which a template has the whole row, for columns whose names are no words."""


class RowError(Exception):
    """Raised for a row that cannot be asked, or whose answer cannot be used."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def _environment() -> SandboxedEnvironment:
    """A template comes from the command line, and may be somebody else's: it reaches nothing but the row."""
    return SandboxedEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=lambda value: "" if value is None else value,
        autoescape=False,
    )


class Template:
    """A text with columns in it: ``Classify: {{ text }}``. Raises BulkError for one that is no template."""

    def __init__(self, text: str, option: str) -> None:
        environment = _environment()
        self._option = option
        try:
            self.columns = frozenset(meta.find_undeclared_variables(environment.parse(text)))
            self._template = environment.from_string(text)
        except TemplateSyntaxError as exc:
            raise BulkError(f"{option}, line {exc.lineno}: {exc.message}") from exc

    def render(self, row: Row) -> str:
        """The text for a row. Raises RowError."""
        try:
            text = self._template.render({ROW: row, **row})
            text.encode()
            return text
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as exc:
            raise RowError(f"{self._option}: {exc}", "template_error") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the model about each row."""

    model: str
    prompt: Template | None = None
    system: Template | None = None
    messages_column: str | None = None
    schema: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the body."""

    def missing(self, columns: frozenset[str]) -> list[str]:
        """The columns that it asks for and that a row with these ones does not have."""
        needed = {self.messages_column} if self.messages_column else set()
        for template in (self.prompt, self.system):
            needed |= template.columns if template else set()
        return sorted(needed - columns - {ROW})

    def body(self, row: Row) -> dict[str, Any]:
        """The body of a row's job. Raises RowError."""
        system = [{"role": "system", "content": self.system.render(row)}] if self.system else []
        body = {"model": self.model, "messages": [*system, *self._messages(row)], "priority": "low", **self.options}
        if self.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "row", "schema": self.schema, "strict": True},
            }
        return body

    def _messages(self, row: Row) -> list[dict[str, Any]]:
        if self.prompt:
            return [{"role": "user", "content": self.prompt.render(row)}]
        assert self.messages_column is not None, "one of both is given"
        messages = row.get(self.messages_column)
        try:
            messages = json.loads(messages) if isinstance(messages, str) else messages
        except ValueError as exc:
            raise RowError(f"{self.messages_column} is not JSON: {exc}", "messages_invalid") from exc
        if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
            raise RowError(f"{self.messages_column} is not a list of messages", "messages_invalid")
        messages = json.loads(to_json(messages))  # Arrow's values, and floats that are no numbers, have no other form
        # What a column of Arrow's has for a field that one message has and another has not.
        return [{name: value for name, value in each.items() if value is not None} for each in messages]
