"""From the bytes of tokens to text: a character may be spread over several tokens."""

from __future__ import annotations

import codecs


class Detokenizer:
    """Incremental UTF-8. Bytes that are no character become U+FFFD, as in every server of the field."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, piece: bytes) -> str:
        """The text that is complete with these bytes."""
        return self._decoder.decode(piece)

    def flush(self) -> str:
        """What is left at the end of the sequence."""
        return self._decoder.decode(b"", final=True)
