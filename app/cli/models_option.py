"""The option ``--models``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class _ModelsFile(click.Path):
    """A file that is there, told with its full path where it is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(Path(value).absolute(), param, ctx)


models_option = click.option(
    "--models", type=_ModelsFile(path_type=Path, exists=True, dir_okay=False), help="The catalogue (models.yaml)."
)
