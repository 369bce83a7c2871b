"""The catalogue: whether it can be read, and whether the models' files are there and whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.doctor.finding import Finding, fault, ok, warning
from tasks.models import adapter_faults, gguf
from tasks.models.catalogue import FAKE_PATH, Catalogue, CatalogueError, ModelEntry, adapter_paths, gguf_path, load
from tasks.models.hub import SCHEME

CHECK = "catalogue"


def read(models: Path | None) -> tuple[Catalogue | None, list[Finding]]:
    """The catalogue, None if it makes no sense, and what is to be said of it."""
    try:
        catalogue = load(models)
    except CatalogueError as exc:
        said = " ".join(str(exc).split())
        return None, [fault(CHECK, said, "Correct the file (docs/models.md), or name another with --models.")]
    where = str(models) if models else "no models file: the built-in demo model only"
    count = f"{len(catalogue)} model{'s' * (len(catalogue) != 1)}"
    findings = [finding for name, entry in catalogue.items() for finding in _of_entry(name, entry)]
    return catalogue, findings or [ok(CHECK, f"{where}: {count}" if models else where)]


def is_here(entry: ModelEntry) -> bool:
    """Whether the model can be loaded without a download."""
    return entry.path == FAKE_PATH or gguf_path(entry).is_file()


def _of_entry(name: str, entry: ModelEntry) -> Iterator[Finding]:
    """What is wrong with a model's files."""
    if entry.path == FAKE_PATH:
        return
    path = gguf_path(entry)
    if not path.is_file():
        if entry.path.startswith(SCHEME):
            yield warning(
                CHECK,
                f"{name}: {entry.path} is not downloaded yet; its first worker will download it, which takes time",
                f"Run: caravan models pull {name}",
            )
        else:
            yield fault(CHECK, f"{name}: there is no file {path}", "Put it there, or correct its `path`.")
        return
    if missing := [part for part in gguf.parts(path) if not part.is_file()]:
        yield fault(CHECK, f"{name}: there is no {missing[0]}", "Put all parts of a split model into one folder.")
        return
    try:
        trouble = gguf.trouble(path)
        with path.open("rb"):
            pass
    except OSError as exc:
        yield fault(CHECK, f"{name}: {path} cannot be read ({exc.strerror})", "Give this user the right to read it.")
        return
    if trouble:
        remedy = f"{gguf.REMEDY.capitalize()}, whole: a GGUF file begins with the letters GGUF."
        yield fault(CHECK, f"{name}: {trouble.removesuffix(f': {gguf.REMEDY}')}", remedy)
        return
    for adapter, file in adapter_paths(entry).items():
        yield from _of_adapter(name, adapter, file, entry)


def _of_adapter(name: str, adapter: str, file: Path, entry: ModelEntry) -> Iterator[Finding]:
    """What is wrong with the file of a model's adapter."""
    path = entry.adapters[adapter].path
    if path.startswith(SCHEME) and not file.is_file():
        yield warning(
            CHECK,
            f"{name}: its adapter {adapter}, {path}, is not downloaded yet; its first worker will download it",
            f"Run: caravan models pull {name}",
        )
    elif trouble := adapter_faults.trouble(file, gguf.parts(gguf_path(entry))):
        advice = "Correct the adapter's path (docs/adapters.md), or take it out: no worker serves the model with it."
        yield fault(CHECK, f"{name}: its adapter {adapter} cannot be used: {trouble}", advice)
