"""What is told of an input before its first row is asked. Pure."""

from __future__ import annotations

from app.bulk.delimiters import NAMES
from app.bulk.inputs import Input, Survey

MOST_COLUMNS = 12
"""Columns whose names are told."""


def described(source: Input, survey: Survey) -> str:
    """An input in a sentence: ``3 rows, 2 columns (id, text) separated by semicolons.``"""
    names = [*survey.columns[:MOST_COLUMNS], *(["..."] if len(survey.columns) > MOST_COLUMNS else [])]
    listed = f" ({', '.join(map(_shown, names))})" if names else ""
    return f"{_counted(survey.num_rows, 'row')}, {_counted(len(survey.columns), 'column')}{listed}{_separated(source)}."


def _shown(name: str) -> str:
    """A column's name as a terminal can show it, on one line."""
    return name if name.isprintable() else ascii(name)


def _separated(source: Input) -> str:
    """By what the fields of its CSV files are separated; nothing where a file has one column."""
    found = dict.fromkeys(part.delimiter for part in source.parts if part.delimiter and len(part.names()) > 1)
    words = [f"{NAMES[each]}s" if each in NAMES else repr(each) for each in found if each]
    return f" separated by {' and '.join(words)}" if words else ""


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
