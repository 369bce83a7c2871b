"""Options of commands that exclude each other are refused before anything is asked of a cluster."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from app.cli import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["submit", "hi", "--stream", "--no-wait"], "leave one of them out"),
        (["submit", "hi", "--raw", "--system", "Be kind."], "--raw takes no --system"),
        (["queues", "move", "demo", "demo"], "cannot be moved to itself"),
    ],
)
def test_options_that_exclude_each_other_are_refused(arguments: list[str], says: str) -> None:
    ran = CliRunner().invoke(main, [*arguments, "--url", "http://127.0.0.1:9"])
    assert ran.exit_code == 2
    assert says in ran.output
