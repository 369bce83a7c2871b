"""Requests to the Hub and locks of its cache, as huggingface_hub makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tasks.models.hub.hub_file import HubFile
from tasks.models.hub.remote import RemoteFile


@contextmanager
def bytes_of(wanted: HubFile, file: RemoteFile, ranges: str) -> Iterator[Any]:
    """The answer to a request for a file's content, which is not read yet; `ranges` is '' for all of it.

    Raises what huggingface_hub and its HTTP library do, but for 416: that is answered.
    """
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # they are documented there
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    url = hf_hub_url(wanted.repo, file.file, revision=file.commit)
    # What is compressed on the way would have other lengths.
    headers = {**build_hf_headers(), "Accept-Encoding": "identity", **({"Range": ranges} if ranges else {})}
    with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as answer:
        if answer.is_error:
            answer.read()
        if answer.status_code != 416:
            hf_raise_for_status(answer)
        yield answer


def lock(path: Path, *, timeout: float) -> AbstractContextManager[Any]:
    """A lock that huggingface_hub takes too; entering raises filelock's Timeout after so many seconds."""
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # it is documented there

    path.parent.mkdir(parents=True, exist_ok=True)
    return WeakFileLock(path, timeout=timeout)
