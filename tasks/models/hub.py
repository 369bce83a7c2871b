"""Models of the Hugging Face Hub, ``hf://owner/repo/file.gguf``: kept where huggingface_hub does, in ``HF_HOME``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SCHEME = "hf://"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_URL = re.compile(rf"hf://(?P<repo>{_NAME}/{_NAME})(?:@(?P<revision>[A-Za-z0-9._-]+))?/(?P<file>.+\.gguf)")
_PART = re.compile(r"-00001-of-(\d{5})\.gguf$")


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
    """Where the file lies, once all its parts do. What an earlier attempt left of them is kept.

    Raises DownloadFailed.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    wanted = HubFile.parse(url)
    try:
        paths = [hf_hub_download(wanted.repo, file, revision=wanted.revision) for file in wanted.files]
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as exc:
        raise DownloadFailed(f"{url} cannot be downloaded: {exc}") from exc
    return Path(paths[0])
