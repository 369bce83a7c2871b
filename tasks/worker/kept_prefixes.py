"""Where a worker keeps prefixes beyond the cells, as its model's entry says."""

from __future__ import annotations

from pathlib import Path

from tasks.engine.backend import BackendFailure
from tasks.engine.pages.disk import PageDisk
from tasks.engine.pages.folder import PageFolder
from tasks.engine.pages.store import PageStore
from tasks.models.prefix_cache import PrefixCache


def open_store(cache: PrefixCache | None, *, files: str) -> PageStore | None:
    """A store with the budgets of an entry; None if it has none.

    Args:
        files: the digest of the model's files.

    Raises:
        BackendFailure: the folder cannot be made, or is not the worker's.
    """
    if cache is None:
        return None
    if cache.folder is None or cache.disk is None:
        return PageStore(cache.memory, files=files)
    try:
        disk = PageDisk(PageFolder(Path(cache.folder), budget=cache.disk))
    except OSError as exc:
        raise BackendFailure(
            f"prefix_cache: the folder {cache.folder} cannot be used ({exc.strerror}); name one that the worker's user "
            "may write to"
        ) from exc
    return PageStore(cache.memory, files=files, disk=disk)
