"""Models of the Hugging Face Hub, ``hf://owner/repo/file.gguf``: kept where huggingface_hub does, in ``HF_HOME``."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tasks.logs import get_logger

SCHEME = "hf://"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_URL = re.compile(rf"hf://(?P<repo>{_NAME}/{_NAME})(?:@(?P<revision>[A-Za-z0-9._-]+))?/(?P<file>.+\.gguf)")
PATTERN = rf"hf://{_NAME}/{_NAME}(@[A-Za-z0-9._-]+)?/(?!\.\./)(?!.*/\.\.(/|$)).+\.gguf"
"""The same for those who know no names of groups, with the folders that a path may not go through."""
_PART = re.compile(r"-00001-of-(\d{5})\.gguf$")


PAUSES = (1.0, 3.0)
"""Seconds before a download that was cut is tried again."""
QUIET_SECONDS = 5.0
"""A part that has not grown for so long is none of a living download's, if its lock is free as well."""

log = get_logger(__name__)


class DownloadFailed(Exception):
    """Raised when a model cannot be downloaded; the message says why."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A GGUF file of a repository; the first, if the model is split into several."""

    repo: str
    file: str
    revision: str | None

    @classmethod
    def parse(cls, url: str) -> Self:
        """``hf://owner/repo/file.gguf`` or ``hf://owner/repo@revision/file.gguf``. Raises ValueError."""
        match = _URL.fullmatch(url)
        if match is None or ".." in url.split("/"):
            raise ValueError("the path of a model on the Hugging Face Hub must be hf://owner/repo/file.gguf")
        return cls(match["repo"], match["file"], match["revision"])

    @property
    def files(self) -> tuple[str, ...]:
        """All parts of a split model; llama.cpp finds the others beside the first."""
        match = _PART.search(self.file)
        if match is None:
            return (self.file,)
        begin, count = self.file[: match.start()], int(match[1])
        return tuple(f"{begin}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1))


def downloaded(url: str) -> Path | None:
    """Where the file lies on this machine, if all its parts do. Asks nobody."""
    from huggingface_hub import try_to_load_from_cache

    wanted = HubFile.parse(url)
    found = [try_to_load_from_cache(wanted.repo, file, revision=wanted.revision) for file in wanted.files]
    return Path(str(found[0])) if all(isinstance(path, str) for path in found) else None


def download(url: str) -> Path:
    """Where the file lies, once all its parts do. A file that was cut is tried again, from where it was cut.

    A file whose download was killed starts over, since huggingface_hub 2.4 calls each attempt's part differently; what
    such attempts have left is removed first.

    Raises DownloadFailed.
    """
    from huggingface_hub import hf_hub_download

    wanted = HubFile.parse(url)
    _remove_leftovers(wanted.repo)
    paths = [
        _with_patience(lambda file=file: hf_hub_download(wanted.repo, file, revision=wanted.revision), url)  # type: ignore[misc]
        for file in wanted.files
    ]
    return Path(paths[0])


def _with_patience(fetch: Callable[[], str], url: str) -> str:
    """What a download gives. Errors of the connection are tried again, others raise DownloadFailed at once."""
    from huggingface_hub.errors import HfHubHTTPError

    for pause in (*PAUSES, None):
        try:
            return fetch()
        except (HfHubHTTPError, FileNotFoundError, PermissionError, ValueError) as exc:  # another try changes nothing
            raise _failed(url, exc) from exc
        except Exception as exc:  # huggingface_hub 2.4 lets those of httpx2 through: RemoteProtocolError, ReadTimeout
            if pause is None:
                raise _failed(url, exc) from exc
            log.warning("a download was cut and is tried again", url=url, error=str(exc))
            time.sleep(pause)
    raise AssertionError  # the last pause is None


def _failed(url: str, exc: Exception) -> DownloadFailed:
    return DownloadFailed(f"{url} cannot be downloaded: {exc}")


def _remove_leftovers(repo: str) -> None:
    """Remove parts of files that no living process downloads: nobody holds their lock, and they do not grow."""
    from filelock import FileLock, Timeout
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    cache, folder = Path(constants.HF_HUB_CACHE), repo_folder_name(repo_id=repo, repo_type="model")
    for part in (cache / folder / "blobs").glob("*.incomplete"):
        etag = part.name.partition(".")[0]
        try:
            if time.time() - part.stat().st_mtime > QUIET_SECONDS:
                with FileLock(cache / ".locks" / folder / f"{etag}.lock", timeout=0):
                    part.unlink()
        except (Timeout, OSError):  # somebody downloads it, or has just removed it
            continue
