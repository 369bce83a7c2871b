"""Nothing without keys binds an address that others reach, unless it is told to."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from app.cli import main
from app.cli.up.admin_key import FILE, admin_key
from app.cli.web.exposure import refuse_exposure
from tasks.settings import Settings
from tasks.urls import is_loopback

HERE = ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"]
OUTSIDE = ["0.0.0.0", "", "::", "192.168.1.2", "localhost.example.org", "example.org", "127.0.0.1.example.org"]


@pytest.mark.parametrize("host", HERE)
def test_loopback_needs_no_keys(host: str) -> None:
    assert is_loopback(host)
    refuse_exposure(host, keys=False, insecure=False)


@pytest.mark.parametrize("host", OUTSIDE)
def test_any_other_address_needs_keys_or_a_word(host: str) -> None:
    assert not is_loopback(host)
    refuse_exposure(host, keys=True, insecure=False)
    refuse_exposure(host, keys=False, insecure=True)
    with pytest.raises(Exception, match="--insecure"):
        refuse_exposure(host, keys=False, insecure=False)


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        (["up", "--host", "0.0.0.0"], {}),
        (["web"], {"CARAVAN_HOST": "0.0.0.0"}),
        (["flower", "--host", "0.0.0.0"], {}),
    ],
)
def test_the_commands_refuse(arguments: list[str], env: dict[str, str]) -> None:
    result = CliRunner().invoke(main, arguments, env=env)
    assert result.exit_code == 1
    assert "CARAVAN_KEYS=true" in result.stderr


def test_flower_without_a_login_is_refused_where_keys_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.web.ports.unbindable", lambda *_: "")
    result = CliRunner().invoke(main, ["flower"], env={"CARAVAN_KEYS": "true", "FLOWER_BASIC_AUTH": None})
    assert result.exit_code == 1
    assert "CARAVAN_FLOWER_PASSWORD" in result.stderr


def test_a_first_admin_key_is_made_once_and_for_nobody_elses_eyes(tmp_path: Path) -> None:
    settings = Settings(keys=True)
    made = admin_key(settings, tmp_path / "data")
    assert made.startswith("cvn-")
    assert admin_key(settings, tmp_path / "data") == made
    assert stat.S_IMODE((tmp_path / "data" / FILE).stat().st_mode) == 0o600


def test_no_key_is_made_where_none_is_needed(tmp_path: Path) -> None:
    given = "a" * 40
    assert admin_key(Settings(keys=True, admin_key=SecretStr(given)), tmp_path) == given
    assert admin_key(Settings(), tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
