"""The settings of this process' environment. What is wrong there is told in one sentence."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile

import pydantic_settings
from pydantic import SecretStr, ValidationError

from tasks.allowed import allowed, types_of
from tasks.errors import SettingsError
from tasks.settings import Settings
from tasks.urls import without_password

PREFIX = "CARAVAN_"
NO_SETTINGS = frozenset({"CARAVAN_URL", "CARAVAN_API_KEY"})
"""Defaults of the command's options."""
TESTS_PREFIX = "CARAVAN_TEST_"
LONGEST_SHOWN = 80

_SERVICE_LINK = re.compile(
    r"CARAVAN_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
"""What Kubernetes tells pods of a Service whose name begins with `caravan` (`enableServiceLinks`); the port's own
variable is known by its value."""
_SERVICE_PORT = re.compile(r"(?:tcp|udp|sctp)://")


def read_settings() -> Settings:
    """The settings. Raises `SettingsError` for a value that makes no sense, and for a name that is no setting's."""
    for name in unknown_names(os.environ):
        raise SettingsError(f"{name} is not a setting; the nearest is {nearest(name)}. Rename it or unset it.")
    try:
        settings = Settings()
    except ValidationError as exc:
        raise SettingsError(_sentence(exc)) from None  # what it says may hold a secret
    except pydantic_settings.SettingsError as exc:
        raise SettingsError(f"{exc}.") from None
    for field, must in (*_paths_in_the_way(settings), *_unknown_options(settings)):
        raise SettingsError(_sentence_of(field, must))
    return settings


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """The variables that look like settings and are none."""
    return [name for name, value in environ.items() if name.upper().startswith(PREFIX) and not _known(name, value)]


def nearest(name: str) -> str:
    """The variable that was probably meant."""
    known = [*map(variable, Settings.model_fields), *NO_SETTINGS]
    return difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{field.upper()}"


def require_readable(settings: Settings, field: str) -> None:
    """Raise SettingsError for a file that cannot be read. Asked by those who read it: Flower does not have it."""
    path: Path | None = getattr(settings, field)
    if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
        tried = "" if path.is_absolute() else f", and {path.absolute()} is none"
        raise SettingsError(_sentence_of(field, f"must be a file that can be read{tried}"))


def require_catalogue(settings: Settings) -> None:
    """Raise SettingsError if the catalogue cannot be read. Under `caravan up` models.yaml itself is not needed."""
    require_readable(settings, "models_file" if settings.models_accepted is None else "models_accepted")


def require_writable(settings: Settings, field: str) -> None:
    """Make a folder that was asked for by name, or that of a file. Raises SettingsError if nobody may write there."""
    if field not in settings.model_fields_set:
        return
    path: Path = getattr(settings, field)
    folder = path if field.endswith("_dir") else path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise SettingsError(_sentence_of(field, f"cannot be written ({exc.strerror})")) from exc


def require_login(settings: Settings) -> None:
    """Raise SettingsError if the ledger's Redis, or the broker's, refuses the user or the password.

    Asked when a program starts, which would otherwise try again for ever. Later on, a Redis that refuses may be one
    that is being set up again. Raises one of `UNAVAILABLE` while one of both is away.
    """
    import redis  # most commands ask none

    from tasks.ledger.access import unreachable, wants_another_login
    from tasks.ledger.connection import connect

    for field, url in (("redis_url", settings.ledger_url), ("broker_url", settings.celery_broker_url)):
        try:
            with connect(url) as client:
                client.ping()
        except (redis.ConnectionError, redis.ResponseError) as exc:
            if wants_another_login(exc):
                raise SettingsError(f"{variable(field)}: {'. '.join(unreachable(url, exc))}") from None
            if isinstance(exc, redis.ConnectionError):
                raise


def _known(name: str, value: str) -> bool:
    upper = name.upper()
    return (
        upper.removeprefix(PREFIX).lower() in Settings.model_fields
        or upper in NO_SETTINGS
        or upper.startswith(TESTS_PREFIX)
        or bool(_SERVICE_LINK.fullmatch(upper))
        or (upper.endswith("_PORT") and bool(_SERVICE_PORT.match(value)))
    )


def _paths_in_the_way(settings: Settings) -> Iterator[tuple[str, str]]:
    """Paths that can be right for nobody, and what they must be."""
    for field in ("models_file", "models_accepted", "files_dir", "heartbeat_file", "fake_script"):
        path = getattr(settings, field) if field in settings.model_fields_set else None
        if path is not None and path.absolute() != (there := _nearest_that_is_there(path)) and not there.is_dir():
            yield field, f"must be a path whose parents are folders, and {there} is not a folder"


def _unknown_options(settings: Settings) -> Iterator[tuple[str, str]]:
    for field in ("redis_url", "broker_url"):
        url = getattr(settings, field)
        if url and "?" in url:
            from tasks.ledger.connection import OPTIONS, takes_options  # most commands ask no Redis

            if not takes_options(url):
                yield field, f"must have no options but {', '.join(sorted(OPTIONS))}"


def _nearest_that_is_there(path: Path) -> Path:
    return next(each for each in (path.absolute(), *path.absolute().parents) if os.path.lexists(each))


def _sentence(exc: ValidationError) -> str:
    """The first thing that is wrong."""
    error = exc.errors()[0]
    field = str(error["loc"][0])
    cause = error.get("ctx", {}).get("error")
    return _sentence_of(field, str(cause) if cause else f"must be {allowed(Settings.model_fields[field])}")


def _sentence_of(field: str, must: str) -> str:
    name = variable(field)
    given = next((value for key, value in os.environ.items() if key.upper() == name), "")
    if SecretStr in types_of(Settings.model_fields[field]):
        return f"{name} {must}."
    shown = without_password(given)
    return f"{name} is '{shown[:LONGEST_SHOWN]}{'...' * (len(shown) > LONGEST_SHOWN)}': it {must}."
