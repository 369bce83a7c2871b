"""From a row to the body of a job, and from the job to the row's answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from app.bulk.errors import BulkError
from app.bulk.json_text import to_json
from app.bulk.row_groups import Row
from app.bulk.template_faults import ROW, columns_meant, form_of, row_fault, syntax_fault
from tasks.texts import nearest


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
        self._environment = _environment()
        text = text.replace("\r\n", "\n").replace("\r", "\n")  # as jinja2 reads it
        self._text, self._option = text, option
        try:
            self.columns = frozenset(meta.find_undeclared_variables(self._environment.parse(text)))
            self._template = self._environment.from_string(text)
        except TemplateSyntaxError as exc:
            raise BulkError(f"{option}, {syntax_fault(self._environment, text, exc)}") from exc

    def has(self, column: str) -> bool:
        """Whether a column's name stands in single braces, as other programs have it."""
        return f"{{{column}}}" in self._text

    def meant(self, columns: frozenset[str]) -> dict[str, str]:
        """The columns of these that it writes as no template can, with the form that works."""
        return columns_meant(self._environment, self._text, columns)

    def render(self, row: Row) -> str:
        """The text for a row. Raises RowError."""
        try:
            text = self._template.render({ROW: row, **row})
            text.encode()
            return text
        except UnicodeEncodeError as exc:
            raise RowError(f"{self._option}: the row's text has half of a surrogate pair", "template_error") from exc
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as exc:
            fault = row_fault(self._environment, self._text, exc, row)
            raise RowError(f"{self._option}, {fault}", "template_error") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the model about each row."""

    model: str
    prompt: Template | None = None
    system: Template | None = None
    messages_column: str | None = None
    raw: bool = False
    """Whether the model completes the prompt as it stands, without a chat template."""
    schema: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the body."""

    @property
    def has_one_system(self) -> bool:
        """Whether the system message is the same for all rows."""
        return self.system is not None and not self.system.columns

    def missing(self, columns: frozenset[str]) -> list[str]:
        """The columns that it asks for and that a row with these ones does not have."""
        needed = {self.messages_column} if self.messages_column else set()
        for template in (self.prompt, self.system):
            needed |= template.columns if template else set()
        return sorted(needed - columns - {ROW})

    def hint(self, columns: frozenset[str]) -> str:
        """What to write for the columns that are missing, as far as those that there are tell it."""
        meant: dict[str, str] = {}
        for template in (self.prompt, self.system):
            meant |= template.meant(columns) if template else {}
        if meant:
            return " ".join(f"For the column '{column}' write {form}." for column, form in meant.items())
        near = {name: nearest(name, columns) for name in self.missing(columns)}
        return " ".join(
            f"Did you mean {self._form(name, near[name])} instead of {name}?" for name in near if near[name]
        )

    def remark(self, columns: Sequence[str]) -> str:
        """What to tell of a prompt that asks the same of every row; '' of any other."""
        if self.prompt is None or self.prompt.columns or (self.system and self.system.columns):
            return ""
        meant = next((column for column in columns if self.prompt.has(column)), columns[0] if columns else "text")
        form = f"{{{{ {meant} }}}}" if meant.isidentifier() else form_of(meant)
        return f"The prompt names no column: it asks the same about every row. {form} stands for the column '{meant}'."

    def _form(self, name: str, column: str | None) -> str:
        """How a column is written where a name was."""
        bare = column is None or column.isidentifier() or name == self.messages_column
        return str(column) if bare else form_of(str(column))

    def body(self, row: Row) -> dict[str, Any]:
        """The body of a row's job. Raises RowError."""
        body = {"model": self.model, **self._asked(row), "priority": "low", **self.options}
        if self.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "row", "schema": self.schema, "strict": True},
            }
        return body

    def _asked(self, row: Row) -> dict[str, Any]:
        if self.raw:
            assert self.prompt is not None, "there is nothing else that could be raw"
            return {"prompt": self.prompt.render(row)}
        system = [{"role": "system", "content": self.system.render(row)}] if self.system else []
        return {"messages": [*system, *self._messages(row)]}

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
