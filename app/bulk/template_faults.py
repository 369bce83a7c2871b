"""What is wrong with a template of rows, and where: its line, its column and the piece between the braces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import TemplateAssertionError
from jinja2.parser import Parser

from tasks.texts import nearest, printable, shown

ROW = "row"
"""The name under which a template has the whole row, for columns whose names are no words."""

_BEGIN = {"variable_begin": "variable_end", "block_begin": "block_end"}
_IGNORED = ("whitespace", "comment", "raw_begin", "raw_end", "linecomment")
_SIGNS = {"'end of print statement'": "'}}'", "'end of statement block'": "'%}'", "'end of template'": "the end"}
_WORDS = re.compile(r"(\w+(?:[ \-./]+\w+)*)\s*(\|.*)?", re.DOTALL)
"""A name that may have blanks, then filters."""
_UNKNOWN = re.compile(r"No (filter|test) named '(.*)'\.")
_NO_MEMBER = re.compile(r"'dict object' has no attribute (['\"])(.*)\1")
_NO_COLUMN = re.compile(r"'(.*)' is undefined")


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands in a template between braces: `{{ text | upper }}`."""

    text: str
    begin: int
    """Characters before it."""

    @property
    def prints(self) -> bool:
        return self.text.startswith("{{")

    @property
    def inner(self) -> str:
        return self.text.strip("{}%-+ \n\t")


def syntax_fault(environment: Environment, text: str, exc: TemplateSyntaxError) -> str:
    """``line 1, column 11, in {{ my column }}: ...``, with the form that works for a column's name of several words."""
    if isinstance(exc, TemplateAssertionError):
        return _unknown_name(environment, text, exc)
    at = _failing(environment, text)
    piece = _piece_at(environment, text, at)
    said = re.sub(r" at \d+$", "", str(exc.message)).rstrip(".")
    for sign, written in _SIGNS.items():
        said = said.replace(sign, written)
    return f"{_place(text, at)}{_in(piece)}: {said}.{_other_form(piece)}"


def row_fault(environment: Environment, text: str, exc: Exception, row: Mapping[str, Any]) -> str:
    """What a row lacks or has that the template cannot use, and in which piece of it."""
    line, said = _line_of(exc), str(exc).rstrip(".")
    if isinstance(exc, UndefinedError):
        said = _no_column(said, row, whole=ROW in text)
    pieces = [piece for piece in pieces_of(environment, text) if line == text.count("\n", 0, piece.begin) + 1]
    if len(pieces) > 1:
        pieces = [piece for piece in pieces if piece.prints and _fails_alike(environment, piece, exc, row)]
    where = _place(text, pieces[0].begin) + _in(pieces[0]) if pieces else f"line {line}"
    return f"{where}: {said}{'' if said.endswith('?') else '.'}"


def columns_meant(environment: Environment, text: str, columns: frozenset[str]) -> dict[str, str]:
    """Columns that the template writes as no template can, with the form that works.

    ``{{ my-column }}`` subtracts, ``{{ Price (EUR) }}`` calls and ``{{ a.b }}`` looks into `a`.
    """
    forms = {}
    for piece in pieces_of(environment, text):
        name, bar, filters = piece.inner.partition("|")
        if piece.prints and (column := name.strip()) in columns and not column.isidentifier():
            forms[column] = form_of(column, f"{bar}{filters}")
    return forms


def pieces_of(environment: Environment, text: str) -> Iterator[Piece]:
    """The pieces in order; up to what cannot be read, if there is such a thing."""
    begin, end, at = 0, "", 0
    try:
        for _, kind, value in environment.lex(text):
            if kind in _BEGIN:
                begin, end = at, _BEGIN[kind]
            at += len(value)
            if kind == end:
                yield Piece(text[begin:at].strip(), begin)
                end = ""
    except TemplateSyntaxError:
        return


def _failing(environment: Environment, text: str) -> int:
    """Characters before the token at which reading fails; before the piece, where no token can be read."""
    places, at = [], 0
    try:
        for _, kind, value in environment.lex(text):
            if not kind.startswith(_IGNORED):
                places.append(at)
            at += len(value)
    except TemplateSyntaxError:
        return at
    parser = Parser(environment, text)
    try:
        parser.parse()
    except TemplateSyntaxError:
        left = (not parser.stream.eos) + len(parser.stream._pushed) + sum(1 for _ in parser.stream._iter)
        return places[-left] if left else len(text)
    return 0


def _piece_at(environment: Environment, text: str, at: int) -> Piece | None:
    found = [piece for piece in pieces_of(environment, text) if piece.begin <= at < piece.begin + len(piece.text)]
    if found:
        return found[0]
    begin = max(text.rfind("{{", 0, at + 2), text.rfind("{%", 0, at + 2))
    if begin < 0 or "}" in text[begin:at]:
        return None
    end = re.compile(r"[}%]\}|\n|$").search(text, at)
    return Piece(text[begin : end.end() if end else len(text)].strip(), begin)


def _unknown_name(environment: Environment, text: str, exc: TemplateSyntaxError) -> str:
    """A filter or a test that there is not; jinja tells its line alone."""
    found = _UNKNOWN.match(str(exc.message))
    begin = list(accumulate((len(line) for line in text.splitlines(keepends=True)), initial=0))[exc.lineno - 1]
    if found is None:
        return f"line {exc.lineno}: {exc.message}"
    kind, name = found.groups()
    place = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)").search(text, begin)
    at = place.start() if place else begin
    near = nearest(name, environment.filters if kind == "filter" else environment.tests)
    hint = f" Did you mean {near}?" if near else ""
    return f"{_place(text, at)}{_in(_piece_at(environment, text, at))}: there is no {kind} '{name}'.{hint}"


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _in(piece: Piece | None) -> str:
    return f", in {printable(shown(' '.join(piece.text.split())))}" if piece else ""


def _other_form(piece: Piece | None) -> str:
    words = _WORDS.fullmatch(piece.inner) if piece and piece.prints else None
    if words is None or words[1].isidentifier():
        return ""
    return f" For the column '{words[1]}' write {form_of(words[1], words[2] or '')}."


def form_of(column: str, filters: str = "") -> str:
    """The expression for a column whose name is no word."""
    quote = "'" if '"' in column else '"'
    name = column.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{{{{ {ROW}[{quote}{name}{quote}]{f' {filters.strip()}' if filters else ''} }}}}"


def _no_column(said: str, row: Mapping[str, Any], *, whole: bool) -> str:
    """What is not there, and the nearest column, if it is a column that was asked for and no member of a value."""
    member, column = _NO_MEMBER.match(said), _NO_COLUMN.match(said)
    name = member[2] if member else column[1] if column else None
    if name is None or name in row:
        return said
    near = nearest(name, row) if column or whole else None
    return f"there is no '{shown(name)}'" + (f"; did you mean '{shown(near)}'?" if near else "")


def _line_of(exc: Exception) -> int | None:
    """The template's line that the exception came from: jinja puts it into the traceback."""
    line, trace = None, exc.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _fails_alike(environment: Environment, piece: Piece, exc: Exception, row: Mapping[str, Any]) -> bool:
    try:
        environment.from_string(piece.text).render({ROW: row, **row})
    except Exception as again:
        return str(again) == str(exc)
    return False
