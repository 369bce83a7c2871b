"""Which file of the Hub is meant, and where its parts lie in huggingface_hub's cache."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tasks.urls import without_password

SCHEME = "hf://"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_URL = re.compile(rf"hf://(?P<repo>{_NAME}/{_NAME})(?:@(?P<revision>[A-Za-z0-9._-]+))?/(?P<file>.+\.gguf)")
PATTERN = rf"hf://{_NAME}/{_NAME}(@(?!\.{{1,2}}/)[A-Za-z0-9._-]+)?/(?!\.{{0,2}}/)(?!.*/\.{{0,2}}(/|$)).+\.gguf"
"""The same for those who know no names of groups, with the folders that a path may not go through."""
_NO_NAMES = frozenset({"", ".", ".."})
"""What leads from a folder to itself, to another or, as in ``repo//file``, to the root."""
_PART = re.compile(r"-00001-of-(?!00000)(\d{5})\.gguf$")


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
        if match is None or match["revision"] in _NO_NAMES or not _NO_NAMES.isdisjoint(match["file"].split("/")):
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

    @property
    def folder(self) -> Path:
        """What the cache holds of the repository."""
        return _cache() / self._name

    @property
    def blobs(self) -> Path:
        """The files' contents, by their ETags: a file of a commit is a link to one."""
        return self.folder / "blobs"

    def lock(self, etag: str) -> Path:
        """The file that huggingface_hub locks while it downloads a content."""
        return _cache() / ".locks" / self._name / f"{etag}.lock"

    @property
    def page(self) -> str:
        """The repository's page, for people."""
        from huggingface_hub import constants

        return f"{without_password(constants.ENDPOINT)}/{self.repo}"

    @property
    def _name(self) -> str:
        from huggingface_hub.file_download import repo_folder_name

        return str(repo_folder_name(repo_id=self.repo, repo_type="model"))


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)
