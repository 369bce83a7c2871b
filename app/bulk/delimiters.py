"""What separates the fields of a CSV file: found by reading its first rows in each way. Pure."""

from __future__ import annotations

import csv
import io
from itertools import islice

NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
"""The delimiters that are looked for. If several serve equally well, the first of them is taken."""
SAMPLE_CHARACTERS = 1 << 20
SAMPLE_ROWS = 200
ENOUGH = 0.9
"""The share of rows that must have as many fields as the header. One broken row is told later, with its line."""


def sniff(text: str) -> str:
    """The delimiter of a CSV file that begins with `text`: the one that gives the header most fields.

    A delimiter counts if the rows have as many fields as the header. A comma if none counts: the file has one column.
    """
    return max(NAMES, key=lambda delimiter: _num_fields(text, delimiter))  # the first of equal ones


def _num_fields(text: str, delimiter: str) -> int:
    """The header's fields with this delimiter; 1 if the rows do not have as many."""
    rows = _rows(text, delimiter)
    if not rows:
        return 1
    header, later = len(rows[0]), rows[1:]
    fitting = sum(len(row) == header for row in later)
    return header if fitting >= ENOUGH * len(later) else 1


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """The first rows that are not blank.

    A quote in a wrong place ends the reading, and so does the end of a sample inside of a quoted field. The last row of
    a sample may be cut, and does not count.
    """
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows.extend(islice((row for row in reader if row), SAMPLE_ROWS))
    except csv.Error:
        return rows
    is_cut = len(text) >= SAMPLE_CHARACTERS and 1 < len(rows) < SAMPLE_ROWS
    return rows[:-1] if is_cut else rows
