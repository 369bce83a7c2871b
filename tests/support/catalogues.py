"""Catalogues that processes hold."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tasks.models.current import CurrentCatalogue


def current(models: str) -> CurrentCatalogue:
    """What a process has that has read this models.yaml; it cannot read it again."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "models.yaml"
        file.write_text(models)
        return CurrentCatalogue(file)
