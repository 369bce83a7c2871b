"""Why a model cannot be downloaded and what to do, in words."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable

from tasks.byte_sizes import size
from tasks.models.hub.hub_file import HubFile
from tasks.texts import nearest, printable, shown

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ADDRESS = re.compile(r"https?://\S+")
_PASSING = frozenset({408, 425, 429})
"""Statuses of the client's kind that another try may change."""


class DownloadFailed(Exception):
    """Raised when a model cannot be downloaded; the message says why, and what to do."""


class WrongContent(DownloadFailed):
    """Raised when what was downloaded is not what the Hub or the catalogue says: another try gives the same."""


def is_passing(exc: Exception) -> bool:
    """Whether another try may help: the connection broke, or the Hub is busy."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(exc, HfHubHTTPError):
        return exc.response.status_code >= 500 or exc.response.status_code in _PASSING
    if isinstance(exc, OfflineModeIsEnabled | DownloadFailed | ValueError):
        return False
    # Of the connection are ConnectionError, TimeoutError and those of huggingface_hub's HTTP library, which are no
    # OSError; what else an OSError is, is about this machine's files.
    return not isinstance(exc, OSError) or isinstance(exc, ConnectionError | TimeoutError | LocalEntryNotFoundError)


def failed(wanted: HubFile, file: str, exc: Exception) -> DownloadFailed:
    """The error that says it, for what huggingface_hub or the system raised."""
    if isinstance(exc, DownloadFailed):
        return exc
    return DownloadFailed(f"{address(wanted, file)} cannot be downloaded: {_why(wanted, file, exc)}")


def address(wanted: HubFile, file: str) -> str:
    """``hf://owner/repo/file.gguf`` of one file of a model."""
    revision = f"@{wanted.revision}" if wanted.revision else ""
    return f"hf://{wanted.repo}{revision}/{file}"


def no_room(wanted: HubFile, missing: int, free: int | None = None) -> str:
    """That the disk of the cache is too small. Sizes are bytes."""
    there = "" if free is None else f", and {size(free)} are free"
    need = f"{size(missing)} are missing" if missing else "more is needed"
    return (
        f"the disk of {wanted.folder.parent} is full: {need}{there}. Free some space, or set HF_HOME to a folder of "
        "another disk"
    )


def brief(exc: Exception) -> str:
    """What happened, on a line, without an address: those of contents are signed, and give access."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(exc, HfHubHTTPError):
        return f"status {exc.response.status_code}"
    lines = [line for line in str(exc).splitlines() if line.strip()]
    said = _ADDRESS.sub("an address", printable(lines[0])) if lines else ""
    return f"{type(exc).__name__}: {said}" if said else type(exc).__name__


def _why(wanted: HubFile, file: str, exc: Exception) -> str:
    from huggingface_hub import errors

    if isinstance(exc, errors.OfflineModeIsEnabled):
        return "it is not here, and HF_HUB_OFFLINE=1 forbids to ask the Hub. Unset it, or copy the file into HF_HOME"
    if isinstance(exc, errors.RevisionNotFoundError):
        return f"{wanted.repo} has no revision '{wanted.revision or 'main'}'. {_near(_revisions(wanted, file))}"
    if isinstance(exc, errors.RemoteEntryNotFoundError):
        return f"{wanted.repo} has no file '{shown(file)}'. {_near(_files(wanted, file))}"
    if isinstance(exc, errors.GatedRepoError):
        return (
            f"{wanted.repo} is gated. Ask for access at {wanted.page}, then set HF_TOKEN to a token of that account"
            f"{_token_told()}"
        )
    if isinstance(exc, errors.HfHubHTTPError):
        return _status(wanted, exc.response.status_code, is_repo=isinstance(exc, errors.RepositoryNotFoundError))
    if isinstance(exc, errors.FileMetadataError):
        return "the server does not answer as the Hub does. If HF_ENDPOINT is set, check it; else check the proxy"
    if isinstance(exc, OSError) and exc.errno in NO_ROOM:
        return no_room(wanted, 0)
    if isinstance(exc, PermissionError):
        return f"{exc.filename} cannot be written. Let this user write to HF_HOME, or set HF_HOME to another folder"
    if is_passing(exc):
        return f"the connection to the Hub failed ({brief(exc)}). The next try goes on with what is here"
    return brief(exc)


def _status(wanted: HubFile, status: int, *, is_repo: bool) -> str:
    if status == 401 and not is_repo and _has_token():
        return f"the Hub refuses HF_TOKEN ({status}). Make a new token, and set HF_TOKEN to it"
    if status in (401, 404):
        if _has_token():
            return f"there is no repository {wanted.page}, or HF_TOKEN may not read it ({status}). Check both"
        return (
            f"there is no repository {wanted.page}, or it is private ({status}). Check the name; for a private one set "
            "HF_TOKEN to a token that may read it"
        )
    if status == 403:
        return f"the Hub forbids it (403). Look at {wanted.page} for why, and at what HF_TOKEN may do{_token_told()}"
    if status == 429:
        return "the Hub has had too many requests from here (429). Wait some minutes; with HF_TOKEN it allows more"
    return f"the Hub answers with status {status}" + (". Try again later" if status >= 500 else "")


def _near(found: tuple[str, Iterable[str]]) -> str:
    """The names that are there, the nearest first. Pure."""
    name, names = found[0], list(found[1])
    if not names:
        return "Check the address"
    near = nearest(name, names)
    if near:
        return f"Did you mean '{shown(near)}'?"
    return f"It has {', '.join(map(shown, names[:8]))}{' ...' if len(names) > 8 else ''}"


def _files(wanted: HubFile, file: str) -> tuple[str, list[str]]:
    from huggingface_hub import list_repo_files

    names = _unless_it_fails(lambda: list_repo_files(wanted.repo, revision=wanted.revision))
    return file, sorted(name for name in names if name.endswith(".gguf"))


def _revisions(wanted: HubFile, _file: str) -> tuple[str, list[str]]:
    from huggingface_hub import list_repo_refs

    def names() -> list[str]:
        refs = list_repo_refs(wanted.repo)
        return [ref.name for ref in (*refs.branches, *refs.tags)]

    return wanted.revision or "main", _unless_it_fails(names)


def _unless_it_fails(ask: Callable[[], list[str]]) -> list[str]:
    """Names for a message: it is told without them rather than not at all."""
    try:
        return ask()
    except Exception:
        return []


def _has_token() -> bool:
    from huggingface_hub import get_token

    return bool(get_token())


def _token_told() -> str:
    return "" if _has_token() else ". It is not set now"
