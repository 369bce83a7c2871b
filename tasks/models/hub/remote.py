"""What the Hub says of a file: its content's name, its size and its SHA-256."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.models.hub.cached import sha256_of
from tasks.models.hub.hub_file import HubFile


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the Hub has it at the moment."""

    file: str
    commit: str
    etag: str
    """The content's name in the cache."""
    size: int | None
    """Bytes; None if the server does not say."""
    is_large: bool
    """Whether it is more than the Hub gives over plain HTTP: huggingface_hub fetches it by a protocol of its own."""

    @property
    def sha256(self) -> str:
        """In hexadecimal, which the ETag of a large file is; '' where it is none."""
        return sha256_of(self.etag)


def ask(wanted: HubFile, file: str) -> RemoteFile:
    """Ask the Hub. Raises what huggingface_hub raises; `hub_faults` has words for it."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import FileMetadataError

    url = hf_hub_url(wanted.repo, file, revision=wanted.revision)
    told = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    if told.commit_hash is None or told.etag is None or "/" in told.etag:
        raise FileMetadataError("no commit or no ETag")
    by_xet = getattr(told, "xet_file_data", None) is not None
    is_large = by_xet and (told.size or 0) > getattr(constants, "MAX_HTTP_DOWNLOAD_SIZE", float("inf"))
    return RemoteFile(file, told.commit_hash, told.etag, told.size, is_large)
