"""Settings from the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.settings import Settings
from tasks.urls import Sentinels, sentinels, server_url


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("CARAVAN_")]:
        monkeypatch.delenv(name)


def test_a_setting_is_read_from_its_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_PORT", "9000")
    monkeypatch.setenv("CARAVAN_MODELS_FILE", "/etc/models.yaml")
    monkeypatch.setenv("CARAVAN_LEASE_SECONDS", "2.5")
    monkeypatch.setenv("CARAVAN_LOG_LEVEL", "debug")
    settings = Settings()
    assert (settings.port, settings.models_file) == (9000, Path("/etc/models.yaml"))
    assert (settings.lease_seconds, settings.log_level) == (2.5, "debug")


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_PORT", "9000")
    assert Settings(port=9001).port == 9001


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("CARAVAN_NOT_A_SETTING", "1")
    assert Settings().port == 8000


def test_all_defaults_hold_together() -> None:
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.unclaimed_seconds <= settings.lease_seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "http"),
        ("WEB_PROCESSES", "0"),
        ("MAX_BODY_BYTES", "1"),
        ("MAX_WAIT_SECONDS", "0"),
        ("HEARTBEAT_SECONDS", "-1"),
        ("MAX_QUEUE", "0"),
        ("RESULT_TTL", "0"),
        ("LEASE_SECONDS", "0"),
        ("UNCLAIMED_SECONDS", "0"),
        ("DRAIN_SECONDS", "-1"),
        ("THREADS", "0"),
        ("GPU_LAYERS", "-2"),
        ("WEBHOOK_SECRET", "secret"),
        ("WEBHOOK_SECRET", "whsec_" + "A" * 31),
        ("WEBHOOK_SECRET", "whsec_c2hvcnQ="),
        ("WEBHOOK_SECRET", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("WEBHOOK_SECRET", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA secret"),
        ("WEBHOOK_NETWORKS", "10.0.0.1/8"),
        ("WEBHOOK_NETWORKS", "internal"),
        ("WEBHOOK_SCHEDULE", "5,soon"),
        ("WEBHOOK_SCHEDULE", "5,0"),
        ("WEBHOOK_TIMEOUT_SECONDS", "0"),
        ("WEBHOOK_CONNECTIONS", "0"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("KEYS", "perhaps"),
        ("ADMIN_KEY", "short"),
        ("ADMIN_KEY", "a b" * 20),
        ("CORS_ORIGINS", "example.org"),
        ("CORS_ORIGINS", "none,https://example.org"),
        ("CORS_ORIGINS", "https://example.org/page"),
        ("HOSTS", "example.org:8000"),
        ("HOSTS", "https://example.org"),
        ("HOSTS", "web,a.*.org"),
        ("BODY_SECONDS", "0"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CARAVAN_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_lists_are_told_apart_by_commas_and_secrets_by_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_WEBHOOK_NETWORKS", "10.0.0.0/8, fd00::/8")
    monkeypatch.setenv("CARAVAN_WEBHOOK_SCHEDULE", "1,2.5")
    monkeypatch.setenv("CARAVAN_WEBHOOK_SECRET", f"whsec_{'A' * 32} whsec_{'B' * 32}")
    settings = Settings()
    assert list(map(str, settings.webhook_networks)) == ["10.0.0.0/8", "fd00::/8"]
    assert settings.webhook_schedule == (1.0, 2.5)
    assert settings.webhook_secrets == (f"whsec_{'A' * 32}", f"whsec_{'B' * 32}")


@pytest.mark.parametrize("name", ["WEBHOOK_SECRET", "WEBHOOK_NETWORKS"])
def test_a_variable_that_is_empty_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"CARAVAN_{name}", "")
    assert (Settings().webhook_secrets, Settings().webhook_networks) == ((), ())


def test_a_secret_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_WEBHOOK_SECRET", "whsec_hunter2")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "hunter2" not in str(caught.value)
    assert "AAAA" not in repr(Settings(webhook_secret="whsec_" + "A" * 32))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_settings_do_not_change(name: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Settings(), name, None)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    ("redis_url", "broker_url"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/1"),
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/1"),
        ("redis://127.0.0.1:6379/", "redis://127.0.0.1:6379/1"),
        ("redis://:secret@redis:6380/4", "redis://:secret@redis:6380/5"),
        (
            "rediss://user:secret@redis:6380/9?ssl_cert_reqs=none",
            "rediss://user:secret@redis:6380/10?ssl_cert_reqs=none",
        ),
        ("unix:///run/redis.sock", "unix:///run/redis.sock?db=1"),
        ("unix:///run/a%20b/redis.sock?db=4&client_name=x", "unix:///run/a%20b/redis.sock?db=5&client_name=x"),
    ],
)
def test_the_brokers_database_is_the_one_after_the_ledgers(redis_url: str, broker_url: str) -> None:
    assert Settings(redis_url=redis_url).celery_broker_url == broker_url


def test_a_broker_that_is_given_is_taken_as_it_is() -> None:
    assert Settings(broker_url="redis://elsewhere:6379/7").celery_broker_url == "redis://elsewhere:6379/7"


@pytest.mark.parametrize("url", ["unix://redis.sock", "unix://", "/tmp/redis.sock", "amqp://broker", "127.0.0.1:6379"])
def test_a_url_that_is_not_that_of_a_redis_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="redis://"):
        Settings(redis_url=url)


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_CORS_ORIGINS", "https://a.example, http://localhost:3000")
    assert Settings().cors_origins == ("https://a.example", "http://localhost:3000")
    monkeypatch.setenv("CARAVAN_HOSTS", "Web, *.example.org")
    assert Settings().hosts == ("web", "*.example.org")
    monkeypatch.setenv("CARAVAN_CORS_ORIGINS", "")
    assert Settings().cors_origins == ("localhost",)
    monkeypatch.setenv("CARAVAN_CORS_ORIGINS", "none")
    assert Settings().cors_origins == ()


def test_the_admin_key_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_ADMIN_KEY", "s3cret" * 8)
    assert "s3cret" not in repr(Settings())
    monkeypatch.setenv("CARAVAN_ADMIN_KEY", "s3cret")
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "broker", "server"),
    [
        ("redis+sentinel://a:1,b:2/main/0", "redis+sentinel://a:1,b:2/main/1", "redis://main/0"),
        ("redis+sentinel://a/main", "redis+sentinel://a/main/1", "redis://main/0"),
        (
            "rediss+sentinel://me:p%23@[::1]:7,b/main/4?client_name=x",
            "rediss+sentinel://me:p%23@[::1]:7,b/main/5?client_name=x",
            "rediss://me:p%23@main/4?client_name=x",
        ),
    ],
)
def test_sentinels_stand_for_the_server_of_the_same_login_and_database(url: str, broker: str, server: str) -> None:
    settings = Settings(redis_url=url)
    assert settings.celery_broker_url == broker
    assert server_url(settings.ledger_url) == server


def test_the_sentinels_login_goes_with_the_url_to_those_who_connect() -> None:
    settings = Settings(redis_url="redis+sentinel://a:1,[::1]/main/3", sentinel_user="me", sentinel_password="p&=%")
    assert "p&" not in repr(settings)
    found = sentinels(settings.celery_broker_url)
    assert found == Sentinels((("a", 1), ("::1", 26379)), "main", "me", "p&=%")
    assert server_url(settings.celery_broker_url) == "redis://main/4"
    assert Settings(redis_url="redis://h/0", sentinel_password="x").ledger_url == "redis://h/0"


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://h/main",
        "redis+sentinel://h",
        "redis+sentinel://h:0/main",
        "redis+sentinel://a,/main/0",
        "redis+sentinel://[:::::]/main",
    ],
)
def test_a_wrong_url_of_sentinels_is_told_the_right_form(url: str) -> None:
    with pytest.raises(ValidationError, match=r"must be redis\+sentinel://HOST:PORT,HOST:PORT/NAME/DATABASE"):
        Settings(redis_url=url)
