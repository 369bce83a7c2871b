"""Which model a chat is held with, what is told meanwhile, and where the history is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.cli.chat import source
from app.cli.chat.command import choose
from tasks.errors import CaravanError, InvalidRequest, ModelNotFound
from tests.unit.app.cli.status.clusters import model

VECTORS = model("bert", kind="embedding")


def test_the_only_model_that_generates_need_not_be_named() -> None:
    assert choose(None, [VECTORS, model("demo")])["id"] == "demo"


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        (None, InvalidRequest, "Several models generate text: demo, other. Name one: `caravan chat demo`."),
        ("dmeo", ModelNotFound, "Did you mean 'demo'"),
        ("bert", InvalidRequest, "of kind embedding, and makes no text"),
    ],
)
def test_a_model_that_cannot_be_talked_with_is_told(name: str | None, error: type[CaravanError], said: str) -> None:
    with pytest.raises(error, match=said):
        choose(name, [model("demo"), model("other"), VECTORS])


def test_where_no_model_generates_there_is_no_chat() -> None:
    with pytest.raises(ModelNotFound, match="No model that generates"):
        choose(None, [VECTORS])


def test_the_model_is_named_once() -> None:
    done = CliRunner().invoke(main, ["chat", "demo", "-m", "other"])
    assert (done.exit_code, "MODEL is demo, and --model is other: name one." in done.output) == (2, True)


def test_the_history_is_in_the_users_folder_for_states_and_nobody_else_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert source._history() is not None
    path = tmp_path / "state" / "caravan" / "chat_history"
    assert source.history_file() == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert source.history_file() == tmp_path / ".local" / "state" / "caravan" / "chat_history"


def test_a_folder_that_cannot_be_written_costs_the_history_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "caravan").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert source._history() is None
