"""Options of `caravan up` that cannot be meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.cli.web.ports import netloc, unbindable
from tasks.models.catalogue import load

UNWRITABLE = "/proc/caravan"
"""Not even root may write there."""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("CARAVAN_")]:
        monkeypatch.delenv(name)


def refused(*options: str) -> str:
    result = CliRunner().invoke(main, ["up", *options])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    return result.stderr.splitlines()[-1]


def test_two_servers_do_not_share_a_port() -> None:
    assert refused("--port", "18730", "--flower-port", "18730") == (
        "Error: --port and --flower-port are both 18730: each needs its own port."
    )
    assert "--port and --redis-url are both 18730" in refused(
        "--port", "18730", "--redis-url", "redis://localhost:18730"
    )
    assert "--flower-port and --redis-url are both 6379" in refused(
        "--flower-port", "6379", "--redis-url", "redis://[::1]"
    )


@pytest.mark.parametrize("option", ["--port", "--flower-port"])
@pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "1.5"])
def test_a_port_is_a_number_that_a_server_can_listen_on(option: str, value: str) -> None:
    assert option in refused(option, value)


def test_the_data_lie_in_a_folder_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "redis").write_text("")
    for data in (str(tmp_path / "file"), str(tmp_path / "file" / "below"), UNWRITABLE, str(tmp_path / "taken")):
        sentence = refused("--data", data)
        assert sentence.startswith("Error: Invalid value for --data")
        assert data in sentence


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", "redis://h:x", "redis://h/0?nonsense=1"])
def test_a_url_that_is_none_of_redis_is_refused(url: str) -> None:
    assert "redis://HOST:PORT/DATABASE" in refused("--redis-url", url)


def test_a_redis_that_does_not_answer_is_named_without_its_password() -> None:
    sentence = refused("--redis-url", "redis://:hunter2@127.0.0.1:9/0")
    assert sentence.startswith("Error: Invalid value for --redis-url: No Redis answers at 127.0.0.1:9:")
    assert "hunter2" not in sentence


@pytest.mark.parametrize("text", ["models: {a: {path: demo}", "models: [1", "\x00", "models: {}"])
def test_a_models_file_that_makes_no_sense_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "models.yaml").write_text(text)
    result = CliRunner().invoke(main, ["up", "--models", "models.yaml"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path / 'models.yaml'}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["up"], ["models", "pull"]])
@pytest.mark.parametrize("there", [False, True])
def test_a_models_file_that_is_none_is_told_with_its_full_path(tmp_path: Path, command: list[str], there: bool) -> None:
    (tmp_path / "folder").mkdir()
    result = CliRunner().invoke(main, [*command, "--models", "folder" if there else "none.yaml"])
    assert result.exit_code == 2
    assert f"'{tmp_path / ('folder' if there else 'none.yaml')}'" in result.stderr


def test_a_model_in_place_of_a_models_file_is_told_with_the_line_to_write(tmp_path: Path) -> None:
    (tmp_path / "my-model.gguf").write_bytes(b"GGUF" + bytes(100))
    said = CliRunner().invoke(main, ["up", "--models", "my-model.gguf"]).stderr
    assert "my-model.gguf is a model's file" in said
    line = said.split("`")[1]
    (tmp_path / "models.yaml").write_text(line)
    assert load(tmp_path / "models.yaml")["my-model"].path == str(tmp_path / "my-model.gguf")


def test_models_without_a_file_are_told_with_the_file_to_correct(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: {here: {path: .}, gone: {path: gone.gguf}}")
    assert CliRunner().invoke(main, ["up", "--models", "models.yaml"]).stderr == (
        f"Error: These models have no file: here ({tmp_path} is a folder), gone (there is no {tmp_path}/gone.gguf). "
        f"Correct their paths in {tmp_path}/models.yaml.\n"
    )


def test_addresses_of_both_families_are_written_as_in_a_url() -> None:
    assert netloc("127.0.0.1", 80) == "127.0.0.1:80"
    assert netloc("::1", 80) == netloc("[::1]", 80) == "[::1]:80"


@pytest.mark.parametrize("host", ["203.0.113.7", "a" * 70 + ".example"])
def test_an_address_of_another_machine_cannot_be_bound(host: str) -> None:
    assert unbindable("127.0.0.1") == ""
    assert unbindable(host)
    result = CliRunner().invoke(main, ["web", "--insecure"], env={"CARAVAN_HOST": host})
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"Error: CARAVAN_HOST is '{host}'")


def test_quiet_and_verbose_exclude_each_other_and_a_log_file_can_be_written(tmp_path: Path) -> None:
    assert refused("--quiet", "--verbose") == "Error: --verbose and --quiet exclude each other."
    assert "Invalid value for --log-file" in refused("--log-file", str(tmp_path / "none" / "caravan.log"))
