"""The catalogue of a process that runs, which is read again when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tasks.logs import get_logger
from tasks.models import accepted, file_sign
from tasks.models.accepted import Accepted
from tasks.models.catalogue import Catalogue, CatalogueError, ModelEntry, load
from tasks.models.changes import Changes
from tasks.settings import Settings

NO_FILE = (
    "There is no models file to read again. Start with one: `caravan up --models models.yaml`, or CARAVAN_MODELS_FILE."
)

log = get_logger(__name__)


class CurrentCatalogue:
    """Reads the models file when it is made, and again on demand. Whatever it cannot read changes nothing.

    Under `caravan up` the processes share a file with what was accepted last: one process accepts, the others see that
    the file is another. Elsewhere each process has a models file of its own, and a counter in Redis tells that somebody
    has asked.

    Args:
        file: models.yaml; None for the demo model alone.
        copy: what `caravan up` has accepted last.
        any_name: whether the only model of a kind answers for every name.
        on_change: told what has changed, in the thread that found it, if only that a model leaves which was not known;
            the log is told if left out.

    Raises:
        CatalogueError: there is nothing that could be read.
    """

    def __init__(
        self,
        file: Path | None,
        *,
        copy: Path | None = None,
        any_name: bool = False,
        on_change: Callable[[Changes], None] | None = None,
    ) -> None:
        self._file, self._copy = file, copy
        self._any_name = any_name
        self._on_change = on_change or _log
        self._asked: str | None = None
        self._sign = self._sign_of_copy()
        self._accepted = self._read()
        self._now = self._shown()

    @property
    def now(self) -> Catalogue:
        """The models."""
        return self._now

    @property
    def leaving(self) -> Catalogue:
        """Models that were removed under `caravan up`, whose workers it keeps until their jobs have ended."""
        return self._accepted.leaving

    @property
    def served(self) -> list[str]:
        """The names of both."""
        found = self._accepted
        return [*found.models, *found.leaving]

    def serving(self, name: str) -> Catalogue:
        """The catalogue that has a model which was asked for before it was removed; else that of now."""
        return self._accepted.leaving if name in self._accepted.leaving.names else self._now

    def keep_alive(self, name: str) -> float:
        """Seconds that an idle model stays loaded; 0 of one that is not there any more."""
        entry = self._now.get(name)
        return entry.keep_alive if entry else 0.0

    def entry(self, name: str) -> ModelEntry:
        """The entry of a model, or of one that leaves. Raises `ModelNotFound`."""
        found = self._accepted
        return found.leaving[name] if name in found.leaving else found.models.find(name)

    def look_at_copy(self) -> None:
        """Notice what another process has accepted. Called often; raises nothing."""
        before, self._sign = self._sign, self._sign_of_copy()
        if before != self._sign:
            self._read_again()

    def look(self, asked: str) -> None:
        """Notice that somebody has asked for the file to be read again. Called often; raises nothing.

        Args:
            asked: the counter in Redis.
        """
        before, self._asked = self._asked, asked
        if before != asked and self._copy is None and self._file is not None:
            self._read_again()

    def _read_again(self) -> None:
        try:
            self._take(self._read())
        except CatalogueError as exc:
            log.error("the models file was not read again", reason=str(exc))

    def reload(self, announce: Callable[[], None] = lambda: None) -> Changes:
        """Read the models file again, for this process and all others; what has changed.

        Args:
            announce: tells the others, where they share no file; it may raise, and then nothing has changed.

        Raises:
            CatalogueError: the file makes no sense, or there is none.
        """
        if self._file is None:
            raise CatalogueError(NO_FILE)
        if self._copy is None:
            found = self._read()
            announce()
            return self._take(found)
        with accepted.locked(self._copy):
            before = accepted.read(self._copy)
            found = before.followed_by(accepted.accept(self._file).models)
            try:
                accepted.write(self._copy, found)
            except OSError as exc:
                raise CatalogueError(f"{self._copy} cannot be written ({exc.strerror}).") from exc
            self._sign = self._sign_of_copy()
            self._take(found)
            return before.changes_to(found)

    def _take(self, found: Accepted) -> Changes:
        changes = self._accepted.changes_to(found)
        leave = found.leaving.keys() - self._accepted.leaving.keys()  # as one that came and went since the last look
        self._accepted = found
        self._now = self._shown()
        if changes or leave:
            self._on_change(changes)
        return changes

    def _read(self) -> Accepted:
        return accepted.of(load(self._file)) if self._copy is None else accepted.read(self._copy)

    def _shown(self) -> Catalogue:
        models = self._accepted.models
        return models.answering_any_name() if self._any_name else models

    def _sign_of_copy(self) -> object:
        return None if self._copy is None else file_sign.of_all([self._copy])


def _log(changes: Changes) -> None:
    log.info("the models file was read again", added=changes.added, removed=changes.removed, changed=changes.changed)


def open_catalogue(settings: Settings, *, any_name: bool = False) -> CurrentCatalogue:
    """That of the settings. Raises `CatalogueError`."""
    return CurrentCatalogue(settings.models_file, copy=settings.models_accepted, any_name=any_name)
