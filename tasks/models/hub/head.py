"""The head of a file of the Hub's, without its weights: the first megabytes, in a sparse file of the whole length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tasks.models.hub import client, hub_faults, remote
from tasks.models.hub.hub_faults import DownloadFailed
from tasks.models.hub.hub_file import HubFile
from tasks.models.hub.remote import RemoteFile

FIRST_BYTES = 4 << 20
"""More than most heads; the rest of one that is longer, which a vocabulary may make, is asked for as well."""
MOST_BYTES = 256 << 20


def fetch_heads(url: str, folder: Path, is_whole: Callable[[Path], bool]) -> tuple[Path, list[RemoteFile]]:
    """Write the heads of a model's files into a folder, under the files' names; the first one's path.

    Each file is as long as the Hub's, and empty after the head: it takes no room. Nothing is put into the cache.

    Args:
        url: as `HubFile.parse` takes it.
        is_whole: whether a file that ends where we have read has its whole head.

    Raises DownloadFailed.
    """
    wanted = HubFile.parse(url)
    found: list[RemoteFile] = []
    for file in wanted.files:
        try:
            found.append(remote.ask(wanted, file))
            _fetch(wanted, found[-1], folder / Path(file).name, is_whole)
        except Exception as exc:
            raise hub_faults.failed(wanted, file, exc) from exc
    return folder / Path(wanted.file).name, found


def _fetch(wanted: HubFile, file: RemoteFile, path: Path, is_whole: Callable[[Path], bool]) -> None:
    size = file.size or MOST_BYTES
    path.touch()
    upto = min(FIRST_BYTES, size)
    while True:
        _add(wanted, file, path, upto)
        if is_whole(path) or upto >= min(size, MOST_BYTES):
            break
        upto = min(2 * upto, size, MOST_BYTES)
    if file.size:
        with path.open("r+b") as whole:
            whole.truncate(file.size)


def _add(wanted: HubFile, file: RemoteFile, path: Path, upto: int) -> None:
    """Have the file's first `upto` bytes."""
    begin = path.stat().st_size
    with client.bytes_of(wanted, file, f"bytes={begin}-{upto - 1}") as answer:
        if answer.status_code != 206:
            raise DownloadFailed(
                f"{hub_faults.address(wanted, file.file)} cannot be read before it is downloaded: the server gives no "
                "parts of files"
            )
        with path.open("ab") as head:
            for piece in answer.iter_bytes():
                head.write(piece[: upto - head.tell()])
