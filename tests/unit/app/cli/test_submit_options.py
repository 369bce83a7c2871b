"""Options of commands that exclude each other are refused before anything is asked of a cluster."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from app.cli import main
from tasks.errors import InvalidRequest


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


def test_where_there_are_several_models_the_option_that_names_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def several(*_: object, **__: object) -> None:
        raise InvalidRequest("The server has several models; name one: demo, other.", param="model")

    monkeypatch.setattr("caravan_client.Client.submit", several)
    refused = CliRunner().invoke(main, ["submit", "hi"])
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (
        2,
        "Error: The server has several models; name one by -m: demo, other.",
    )
