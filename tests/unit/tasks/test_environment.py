"""What is wrong with the environment is told in one sentence that names the variable."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import ASKS_LITTLE, main
from tasks.environment import nearest, read_settings, require_writable, unknown_names, variable
from tasks.errors import SettingsError
from tasks.settings import PORT, Settings
from tests.unit.app.cli.test_help import subcommands

NONSENSE = "/dev/null/no sense"
"""A path under a file, and wrong for everything that is no path: so a new setting is tried as well."""
SECRETS = (
    "admin_key",
    "metrics_key",
    "flower_password",
    "sentinel_password",
    "webhook_secret",
    "webhook_shared_secret",
)
LEAVES = sorted(
    path
    for path in subcommands(main)
    if path
    and path.split()[0] not in ASKS_LITTLE
    and not any(other.startswith(f"{path} ") for other in subcommands(main))
)
ARGUMENTS = {
    "bulk run": ["rows.csv", "-m", "demo", "-o", "out.csv", "--prompt", "{{ a }}"],
    **{f"bulk {act}": ["batch_1"] for act in ("watch", "cancel", "pause", "resume", "retry")},
    **{f"queues {act}": ["demo"] for act in ("pause", "drain", "resume")},
    "worker": ["demo"],
    "submit": ["Hello"],
    "keys create": ["alice"],
    "keys revoke": ["k"],
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("CARAVAN_")]:
        monkeypatch.delenv(name)


def refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "what is shown may hold a secret"
    return str(caught.value)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_wrong_value_of_any_setting_is_one_sentence_that_says_what_it_may_be(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    sentence = refused(monkeypatch, variable(field), NONSENSE)
    assert sentence.startswith(f"{variable(field)} ")
    assert " must " in sentence
    assert "something else" not in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert (NONSENSE in sentence) is (field not in SECRETS)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_command_ends_with_that_sentence_and_status_2(field: str) -> None:
    result = CliRunner().invoke(main, ["up"], env={variable(field): NONSENSE})
    assert_refused(result, variable(field))


@pytest.mark.parametrize("command", LEAVES)
def test_every_command_looks_at_the_environment(command: str) -> None:
    arguments = [*command.split(), *ARGUMENTS.get(command, ["job-1"] if command.startswith("jobs") else [])]
    assert_refused(CliRunner().invoke(main, arguments, env={"CARAVAN_PORT": "http"}), "CARAVAN_PORT")
    assert_refused(CliRunner().invoke(main, arguments, env={"CARAVAN_KEYSS": "true"}), "CARAVAN_KEYSS")


def assert_refused(result: Result, name: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {name} ")
    assert result.stderr.count("\n") == 1


def test_a_worker_of_its_own_ends_with_the_same_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tasks.worker.__main__ import main as worker

    monkeypatch.setenv("CARAVAN_THREADS", "many")
    monkeypatch.setattr(sys, "argv", ["worker", "demo"])
    with pytest.raises(SystemExit) as left:
        worker()
    assert left.value.code == 2
    assert capsys.readouterr().err == "Error: CARAVAN_THREADS is 'many': it must be a whole number from 1 to 1024.\n"


@pytest.mark.parametrize("arguments", [["--help"], ["up", "--help"], ["jobs", "list", "-h"], ["--version"]])
def test_help_is_given_in_any_environment(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments, env={"CARAVAN_KEYSS": "true"}).exit_code == 0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("CARAVAN_KEYSS", "CARAVAN_KEYS"),
        ("CARAVAN_LOGLEVEL", "CARAVAN_LOG_LEVEL"),
        ("CARAVAN_REDIS", "CARAVAN_REDIS_URL"),
        ("caravan_prot", "CARAVAN_PORT"),
        ("CARAVAN_APIKEY", "CARAVAN_API_KEY"),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, typed: str, meant: str
) -> None:
    assert nearest(typed) == meant
    assert (
        refused(monkeypatch, typed, "1") == f"{typed} is not a setting; the nearest is {meant}. Rename it or unset it."
    )


def test_a_name_that_is_near_nothing_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch, "CARAVAN_ZZZ", "1").startswith("CARAVAN_ZZZ is not a setting")


SERVICE_LINKS = {
    "CARAVAN_SERVICE_HOST": "10.0.0.1",
    "CARAVAN_SERVICE_PORT": "80",
    "CARAVAN_SERVICE_PORT_HTTP": "80",
    "CARAVAN_PORT": "tcp://10.0.0.1:80",
    "CARAVAN_PORT_80_TCP": "tcp://10.0.0.1:80",
    "CARAVAN_PORT_80_TCP_PROTO": "tcp",
    "CARAVAN_PORT_80_TCP_PORT": "80",
    "CARAVAN_PORT_80_TCP_ADDR": "10.0.0.1",
    "CARAVAN_WEB_SERVICE_HOST": "10.0.0.2",
    "CARAVAN_WEB_PORT": "tcp://10.0.0.2:8000",
    "CARAVAN_WEB_PORT_8000_TCP_ADDR": "10.0.0.2",
}


def test_what_kubernetes_tells_of_services_called_caravan_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICE_LINKS.items():
        monkeypatch.setenv(name, value)
    assert read_settings().port == PORT


def test_a_port_of_our_own_is_no_service_link() -> None:
    assert unknown_names({"CARAVAN_FLOWER_PORT": "5555"}) == ["CARAVAN_FLOWER_PORT"]


def test_names_that_are_ours_and_no_settings_are_known() -> None:
    known = ("CARAVAN_URL", "CARAVAN_API_KEY", "CARAVAN_TEST_CLUSTER", "caravan_port", "HOME", "MY_CARAVAN_X")
    assert unknown_names(dict.fromkeys(known, "1")) == []


@pytest.mark.parametrize(
    "url", ["redis://user:s3cret@host:port/0", "redis//s3cret@host", "amqp://:s3cret@host", "redis://:s3cr/s3cret@h/x"]
)
@pytest.mark.parametrize("name", ["CARAVAN_REDIS_URL", "CARAVAN_BROKER_URL"])
def test_the_password_of_an_address_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    assert "s3cr" not in refused(monkeypatch, name, url)


@pytest.mark.parametrize("field", SECRETS)
def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    assert "hunter2" not in refused(monkeypatch, variable(field), "hunter2 and more")


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:99999/0",
        "redis://h/x",
        "redis://h/0?nonsense=1",
        "redis://h/0?socket_timeout=soon",
        "h:6379",
        "redis:h",
    ],
)
def test_an_address_that_redis_py_makes_nothing_of_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert url in refused(monkeypatch, "CARAVAN_REDIS_URL", url)


@pytest.mark.parametrize("value", ["inf", "nan", "-1", "1e999"])
def test_no_time_is_endless(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert "a number of 0 or more" in refused(monkeypatch, "CARAVAN_DRAIN_SECONDS", value)


@pytest.mark.parametrize("command", ["web", "clerk", "up"])
def test_a_folder_that_was_asked_for_must_be_writable(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr("app.cli.web.command.unbindable", lambda *_: "")
    result = CliRunner().invoke(main, [command], env={"CARAVAN_FILES_DIR": "/proc/caravan"})  # not even by root
    assert_refused(result, "CARAVAN_FILES_DIR")


def test_the_heartbeats_file_must_be_writable() -> None:
    result = CliRunner().invoke(main, ["clerk"], env={"CARAVAN_HEARTBEAT_FILE": "/proc/caravan"})
    assert_refused(result, "CARAVAN_HEARTBEAT_FILE")


@pytest.mark.parametrize("command", [["web"], ["clerk"], ["up"], ["models", "pull"]])
@pytest.mark.parametrize("path", ["/etc/caravan/none.yaml", "/etc"])
def test_who_reads_the_models_file_says_that_it_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, command: list[str], path: str
) -> None:
    monkeypatch.setattr("app.cli.web.command.unbindable", lambda *_: "")
    assert_refused(CliRunner().invoke(main, command, env={"CARAVAN_MODELS_FILE": path}), "CARAVAN_MODELS_FILE")


def test_a_relative_path_of_the_models_file_is_told_with_the_one_that_was_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["models", "pull"], env={"CARAVAN_MODELS_FILE": "none.yaml"})
    assert_refused(result, "CARAVAN_MODELS_FILE")
    assert str(tmp_path / "none.yaml") in result.stderr


def test_who_does_not_read_the_models_file_does_not_miss_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flower's container has the variable, and not the file."""
    monkeypatch.setenv("CARAVAN_MODELS_FILE", "/etc/caravan/none.yaml")
    assert read_settings().models_file == Path("/etc/caravan/none.yaml")


@pytest.mark.parametrize("field", ["models_file", "heartbeat_file"])
def test_a_file_may_be_named_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    (tmp_path / "there").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable(field), "there")
    assert getattr(read_settings(), field) == Path("there")
    assert "is not a folder" in refused(monkeypatch, variable(field), "there/below")


def test_a_folder_that_nobody_asked_for_may_be_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".caravan").write_text("")
    require_writable(read_settings(), "files_dir")


def test_a_folder_that_can_be_made_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_FILES_DIR", str(tmp_path / "a" / "b"))
    require_writable(read_settings(), "files_dir")
    assert list((tmp_path / "a" / "b").iterdir()) == []
