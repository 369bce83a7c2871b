"""Reasoning as an opaque text, which a client that keeps a conversation itself sends back to us.

It is no secret: the same response tells the reasoning in plain words. Only what we wrote ourselves is read.
"""

from __future__ import annotations

import base64
import binascii

_MARK = "caravan.1."


def seal(reasoning: str) -> str:
    """The opaque text for some reasoning."""
    return _MARK + base64.urlsafe_b64encode(reasoning.encode()).decode()


def unseal(text: str) -> str | None:
    """The reasoning that `seal` was given; None for a text of another server's."""
    if not text.startswith(_MARK):
        return None
    try:
        return base64.b64decode(text.removeprefix(_MARK), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
