"""Names of pages. A page is what was computed of some tokens, and so depends on all tokens before them as well."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from hashlib import blake2b

from tasks.records.adapters import Adapters

PAGE_TOKENS = 64
"""Few enough that little of a text's end is computed again; enough that a copy is not all calls."""
KEY_BYTES = 32


def root(*, files: str, form: str, salt: Hashable, adapters: Adapters) -> bytes:
    """What all pages begin with that may be taken for each other.

    Args:
        files: the digest of the model's file, and of each adapter's, as in ``DIGEST NAME=DIGEST``.
        form: what the bytes of a page depend on beside that.
        salt: whose texts they are; None for everybody's.
        adapters: what they are computed with.
    """
    model, *others = files.split()
    names = {name for name, _ in adapters}
    used = [each for each in others if each.partition("=")[0] in names]
    return blake2b(repr((model, used, form, salt, adapters)).encode(), digest_size=KEY_BYTES).digest()


class PageKeys:
    """The keys of one text's pages, made as they are asked for. Each is a hash of the one before and of its tokens."""

    def __init__(self, start: bytes) -> None:
        self._keys = [start]

    def key(self, number: int, tokens: Sequence[int]) -> bytes:
        """Of the page with the tokens from ``number * PAGE_TOKENS`` on, which the text has. It only ever grows."""
        while len(self._keys) <= number + 1:
            first = (len(self._keys) - 1) * PAGE_TOKENS
            page = array("I", tokens[first : first + PAGE_TOKENS])
            self._keys.append(blake2b(self._keys[-1] + page.tobytes(), digest_size=KEY_BYTES).digest())
        return self._keys[number + 1]

    def first(self, count: int) -> list[bytes]:
        """The first so many of those that were asked for."""
        return self._keys[1 : count + 1]
