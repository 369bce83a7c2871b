"""Text of a client's where it is repeated: in a message, a log, a terminal. Pure."""

from __future__ import annotations

import re

LONGEST = 200
"""Characters of a client's text that are repeated: whoever sent it knows the rest."""
LONGEST_MESSAGE = 1000
_UNBROKEN = re.compile(rf"\S{{{LONGEST + 1},}}")


def shown(text: object) -> str:
    """The beginning of a client's text, which tells that it is one where it is cut."""
    whole = str(text)
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 3]}..."


def bounded(message: str) -> str:
    """A sentence that may hold a client's text: no word of it is longer than `LONGEST`, and it ends somewhere."""
    whole = _UNBROKEN.sub(lambda word: shown(word[0]), message[: 2 * LONGEST_MESSAGE])
    return whole if len(whole) <= LONGEST_MESSAGE else f"{whole[: LONGEST_MESSAGE - 4]} ..."
