"""Downloading a model's files: each once, checked against the Hub's SHA-256, and continued where it was interrupted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tasks.models import checksums
from tasks.models.hub import client, hub_faults, remote
from tasks.models.hub.cached import downloaded, remove_content, told_sha256
from tasks.models.hub.hub_faults import DownloadFailed, WrongContent
from tasks.models.hub.hub_file import HubFile
from tasks.models.hub.part import SUFFIX, Part
from tasks.models.hub.progress import Progress
from tasks.models.hub.remote import RemoteFile

PAUSES = (1.0, 3.0)
"""Seconds before a request that brought nothing is tried again."""
SHORT_PAUSE = 0.5
"""Seconds before one is tried again that brought something."""
LOOK_SECONDS = 1.0
"""How often a process that waits for another's download looks how far it is."""
QUIET_SECONDS = 5.0
"""A part of huggingface_hub's that has not grown for so long is none of a living download's, if its lock is free."""
KEPT_SECONDS = 7 * 86400.0
"""A part of ours that nobody went on with for so long is removed."""

T = TypeVar("T")


def download(url: str, *, sha256: Sequence[str] = (), progress: Progress | None = None) -> Path:
    """Where the file lies, once all its parts do. What is there already is not downloaded again.

    Args:
        url: as `HubFile.parse` takes it.
        sha256: what the files must have, in hexadecimal, one for each; none if that is not known.

    Raises DownloadFailed; `WrongContent` if another try would bring the same.
    """
    wanted, progress = HubFile.parse(url), progress or Progress()
    try:
        found = [_with_patience(wanted, file, lambda file=file: remote.ask(wanted, file)) for file in wanted.files]  # type: ignore[misc]
    except DownloadFailed:
        if here := downloaded(url):
            return here
        raise
    for each, own in zip(found, sha256, strict=False):
        if each.sha256 and own != each.sha256:
            raise WrongContent(
                f"{hub_faults.address(wanted, each.file)} has the SHA-256 {each.sha256} on the Hub, and models.yaml "
                f"says {own}. Correct one of the two: sha256, or path with the revision that you mean"
            )
    _Download(wanted, found, progress).run()
    return next(iter([_link(wanted, each) for each in found]))


class _Download:
    """The files of one model, one after the other."""

    def __init__(self, wanted: HubFile, files: Sequence[RemoteFile], progress: Progress) -> None:
        self._wanted, self._files, self._progress = wanted, files, progress
        self._total = sum(file.size or 0 for file in files) if all(file.size for file in files) else 0
        self._done = 0
        """Bytes of the files before the present one."""

    def run(self) -> None:
        missing = [file for file in self._files if not _is_here(self._wanted, file)]
        if not missing:  # the cache may be read-only
            return
        for file in self._files:
            try:
                if file is self._files[0]:
                    self._wanted.blobs.mkdir(parents=True, exist_ok=True)
                    _remove_leftovers(self._wanted)
                    self._require_room(missing)
                if file in missing and not file.is_large:
                    self._fetch(file)
            except OSError as exc:
                raise hub_faults.failed(self._wanted, file.file, exc) from exc
            self._done += file.size or 0
            self._grown(0)

    def _grown(self, length: int) -> None:
        self._progress.advanced(self._done + length, self._total)

    def _fetch(self, file: RemoteFile) -> None:
        blob = self._wanted.blobs / file.etag
        with self._alone(file):
            if _is_here(self._wanted, file):  # the process that was waited for has it
                return
            path = self._part_of(file)
            with Part(path, size=file.size, on_grown=self._grown) as part:
                self._fill(part, file)
                sha256 = part.sha256
            path.replace(blob)
            checksums.remember(blob, sha256)

    @contextmanager
    def _alone(self, file: RemoteFile) -> Iterator[None]:
        """While no other process downloads it; one that is killed lets go of its lock."""
        from filelock import Timeout

        waits = False
        while True:
            held = client.lock(self._wanted.lock(file.etag), timeout=LOOK_SECONDS if waits else 0.1)
            try:
                held.__enter__()
                break
            except Timeout:
                if not waits:
                    self._progress.waits(file.file)
                waits = True
                self._grown(_length(self._part_of(file)))
        try:
            yield
        finally:
            held.__exit__(None, None, None)

    def _fill(self, part: Part, file: RemoteFile) -> None:
        """Until the part is whole and has the Hub's SHA-256."""
        resumed = part.length > 0
        if resumed:
            self._progress.resumed(file.file, part.length)
        self._grown(part.length)
        self._complete(part, file)
        if resumed and file.sha256 not in ("", part.sha256):  # a power cut may have spoilt what was here
            part.clear()
            self._complete(part, file)
        if file.sha256 not in ("", part.sha256):
            part.path.unlink(missing_ok=True)
            raise WrongContent(
                f"{hub_faults.address(self._wanted, file.file)} was downloaded with the SHA-256 {part.sha256}, and the "
                f"Hub says {file.sha256}. It was removed. Something between the Hub and here changes it: check "
                "HF_ENDPOINT and the proxy, then try again"
            )

    def _complete(self, part: Part, file: RemoteFile) -> None:
        vain = 0
        while not part.is_whole:
            before = part.length
            try:
                part.fetch(self._wanted, file)
                return
            except Exception as exc:
                if isinstance(exc, OSError) and exc.errno in hub_faults.NO_ROOM:  # others need the disk too
                    part.path.unlink(missing_ok=True)
                vain = 0 if part.length > before else vain + 1
                if not hub_faults.is_passing(exc) or vain > len(PAUSES):
                    raise hub_faults.failed(self._wanted, file.file, exc) from exc
                self._progress.cut(file.file, hub_faults.brief(exc))
                time.sleep(PAUSES[vain - 1] if vain else SHORT_PAUSE)

    def _part_of(self, file: RemoteFile) -> Path:
        return self._wanted.blobs / f"{file.etag}{SUFFIX}"

    def _require_room(self, files: Sequence[RemoteFile]) -> None:
        """Raise DownloadFailed where the files would not fit, before the first byte of them."""
        missing = sum(max(0, (file.size or 0) - _length(self._part_of(file))) for file in files)
        free = shutil.disk_usage(self._wanted.blobs).free
        if missing > free:
            address = hub_faults.address(self._wanted, files[0].file)
            why = hub_faults.no_room(self._wanted, missing, free)
            raise DownloadFailed(f"{address} cannot be downloaded: {why}")


def _is_here(wanted: HubFile, file: RemoteFile) -> bool:
    """Whether the cache has the content, or the file itself where it cannot hold links."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(wanted.repo, file.file, revision=file.commit)
    return isinstance(found, str) or (wanted.blobs / file.etag).exists()


def _link(wanted: HubFile, file: RemoteFile) -> Path:
    """Where the file lies, by its name. huggingface_hub makes the links to contents, and fetches what is not here.

    What it fetched, or was here, is checked as well.
    """
    from huggingface_hub import hf_hub_download

    def fetch() -> Path:
        return Path(str(hf_hub_download(wanted.repo, file.file, revision=wanted.revision)))

    path = _with_patience(wanted, file.file, fetch)
    sha256 = told_sha256(path) if path.is_symlink() else file.sha256
    if sha256 and (found := checksums.sha256(path)) != sha256:
        remove_content(path)
        raise WrongContent(
            f"{hub_faults.address(wanted, file.file)} has the SHA-256 {found} in the cache, and the Hub says {sha256}. "
            "It was removed: try again"
        )
    return path


def _with_patience(wanted: HubFile, file: str, ask: Callable[[], T]) -> T:
    """What a call of the Hub gives. What may pass is tried again, else DownloadFailed is raised at once."""
    for pause in (*PAUSES, None):
        try:
            return ask()
        except Exception as exc:
            if pause is None or not hub_faults.is_passing(exc):
                raise hub_faults.failed(wanted, file, exc) from exc
            time.sleep(pause)
    raise AssertionError  # the last pause is None


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _remove_leftovers(wanted: HubFile) -> None:
    """Remove parts that nobody goes on with: huggingface_hub's are of killed downloads, ours of a file that changed."""
    from filelock import Timeout

    for part in wanted.blobs.glob("*.incomplete"):
        patience = KEPT_SECONDS if part.name.endswith(SUFFIX) else QUIET_SECONDS
        try:
            if time.time() - part.stat().st_mtime > patience:
                with client.lock(wanted.lock(part.name.partition(".")[0]), timeout=0.1):
                    part.unlink()
        except (Timeout, OSError):  # somebody downloads it, or has just removed it
            continue
