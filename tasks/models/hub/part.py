"""A part: what is here of a file that is being downloaded. It outlives the process, and the next one goes on with it.

huggingface_hub 2.4 gives the part of each attempt a name of its own, so a download whose process was killed begins
anew, and the killed one's part stays. Ours is named after the content alone. Its writer holds the lock that
huggingface_hub takes for the same content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.models.hub import client
from tasks.models.hub.hub_file import HubFile
from tasks.models.hub.remote import RemoteFile

SUFFIX = ".caravan.incomplete"
"""`hf cache prune` removes what ends in ``.incomplete``."""
_PIECE_BYTES = 1 << 20


class Part:
    """A part that is open for writing. What it has so far is read once, for its SHA-256.

    Args:
        size: bytes of the whole file; None if that is not known.
        on_grown: told how many bytes are here.
    """

    def __init__(self, path: Path, *, size: int | None, on_grown: Callable[[int], None]) -> None:
        self.path = path
        self._size = size
        self._on_grown = on_grown
        self._file = path.open("a+b", buffering=0)
        self.length = 0
        self._digest = hashlib.sha256()
        try:
            self._take_what_is_here()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, where: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def is_whole(self) -> bool:
        return self._size is not None and self.length == self._size

    @property
    def sha256(self) -> str:
        """Of what is here, in hexadecimal."""
        return self._digest.hexdigest()

    def clear(self) -> None:
        """Begin anew."""
        self._file.truncate(0)
        self.length, self._digest = 0, hashlib.sha256()

    def fetch(self, wanted: HubFile, file: RemoteFile) -> None:
        """Add what is missing, in one request; what came before an error is kept.

        Raises what huggingface_hub and its HTTP library do.
        """
        with client.bytes_of(wanted, file, f"bytes={self.length}-" if self.length else "") as answer:
            if answer.status_code == 416:  # nothing comes after what is here, and its length was not known
                self.clear()
                raise ConnectionError("the file is not longer than what is here")
            if answer.status_code != 206:  # a server or a proxy that knows no ranges sends all
                self.clear()
            for piece in answer.iter_bytes():
                self._add(piece)
        if self._size is not None and self.length != self._size:
            raise ConnectionError(f"the answer ended after {self.length} of {self._size} bytes")

    def _take_what_is_here(self) -> None:
        self._file.seek(0)
        while piece := self._file.read(_PIECE_BYTES):
            self.length += len(piece)
            self._digest.update(piece)
        if self._size is not None and self.length > self._size:
            self.clear()

    def _add(self, piece: bytes) -> None:
        if self._size is not None and self.length + len(piece) > self._size:
            self.clear()
            raise ConnectionError("the answer is longer than the file")
        rest = memoryview(piece)
        while rest:
            written = self._file.write(rest) or 0
            self._digest.update(rest[:written])
            self.length += written
            rest = rest[written:]
        self._on_grown(self.length)
