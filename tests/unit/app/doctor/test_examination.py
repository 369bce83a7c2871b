"""How the doctor goes from check to check, and what it makes of settings and self-tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.doctor import models, surroundings
from app.doctor.examination import Check, examine
from app.doctor.finding import Finding, State, fault, ok
from app.doctor.memory import Need
from app.doctor.models import Proof
from tasks.byte_sizes import size
from tasks.machine.memory import Room
from tasks.settings import Settings
from tasks.worker.death import Death
from tasks.worker.start import Ending, explain


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("CARAVAN_") or name in surroundings.TOKENS]:
        monkeypatch.delenv(name)


def test_a_check_that_breaks_off_is_a_fault_and_ends_no_other() -> None:
    def broken() -> Iterator[Finding]:
        yield ok("disk", "one is well")
        raise RuntimeError("a\nthing")

    begun: list[str] = []
    findings = list(examine([Check("disk", broken), Check("next", lambda: [ok("next", "")])], begun=begun.append))
    assert [finding.check for finding in findings] == ["disk", "disk", "next"]
    assert findings[1].state == State.FAULT
    assert findings[1].found == "this check ended with RuntimeError: a thing"
    assert begun == ["disk", "next"]


def test_no_finding_tells_a_secret() -> None:
    leak = fault("redis", "no answer from redis://:hunter22@h", "try hunter22")
    (finding,) = examine([Check("redis", lambda: [leak])], secrets={"hunter22"})
    assert (finding.found, finding.advice) == ("no answer from redis://:***@h", "try ***")


def test_sizes_are_written_as_people_read_them() -> None:
    assert [size(count) for count in (0, 1023, 1024, 1536, 20 << 20, 3 << 40)] == [
        "0 B", "1023 B", "1.0 KiB", "1.5 KiB", "20 MiB", "3.0 TiB",
    ]  # fmt: skip


# -- settings


def test_settings_that_are_made_are_named_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_ADMIN_KEY", "k" * 40)
    monkeypatch.setenv("CARAVAN_REDIS_URL", "redis://:secret-word@h:1/0")
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    given = surroundings.read()
    assert [finding.found for finding in given.findings] == ["CARAVAN_ADMIN_KEY, CARAVAN_REDIS_URL"]
    assert surroundings.redis_url(given, None) == "redis://:secret-word@h:1/0"
    assert surroundings.secrets(given.settings, "redis://:p%40ssword@h") == {
        "k" * 40, "secret-word", "p%40ssword", "p@ssword", "hf_token",
    }  # fmt: skip


def test_without_any_the_defaults_hold() -> None:
    given = surroundings.read()
    assert given.findings[0].state == State.OK
    assert surroundings.redis_url(given, None) is None
    assert surroundings.redis_url(given, "redis://h") == "redis://h"


def test_every_wrong_setting_is_a_fault_and_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_PORT", "http")
    monkeypatch.setenv("caravan_keyss", "true")
    monkeypatch.setenv("CARAVAN_THREADS", "3")
    monkeypatch.setenv("CARAVAN_MODELS_FILE", "/nowhere/models.yaml")  # whether it is there, the catalogue's check says
    given = surroundings.read()
    told = [finding.found.split()[0] for finding in given.findings if finding.state == State.FAULT]
    assert sorted(told) == ["CARAVAN_PORT", "caravan_keyss"]
    assert given.wrong == {"CARAVAN_PORT", "CARAVAN_KEYSS"}
    assert (given.settings.threads, given.settings.port) == (3, Settings.model_fields["port"].default)
    assert given.models_file == Path("/nowhere/models.yaml")
    assert "CARAVAN_PORT" not in os.environ, "a self-test would not start in it"


# -- self-tests


def proven(status: int | None, tail: str = "", **said: Any) -> Finding:
    (finding,) = models.judge("demo", Proof(status, said, tail))
    return finding


def test_a_self_test_that_passed_tells_what_it_computed_with() -> None:
    finding = proven(0, ok=True, seconds=0.25, processor="CPU : AVX2 = 1 | AMX_INT8 = 0 | LLAMAFILE = 1 |")
    assert finding == ok("model demo", "the self-test passed in 0.2 s, with AVX2 LLAMAFILE")
    assert proven(0, ok=True, seconds=1.0, processor="sapphirerapids").found.endswith("with sapphirerapids")
    assert proven(0, ok=True, seconds=1.0).found == "the self-test passed in 1.0 s"


def test_a_self_test_that_failed_tells_why() -> None:
    failed = proven(1, ok=False, phase="decode", reason="The self-test failed (decode). The process died by SIGSEGV.")
    assert (failed.state, failed.found) == (State.FAULT, "The self-test failed (decode). The process died by SIGSEGV.")
    loading = proven(1, ok=False, phase="loading", reason="There is no memory.")
    assert loading.found == "the self-test failed in loading: There is no memory."


def test_who_runs_the_doctor_is_not_sent_to_the_doctor() -> None:
    crash = Death("died by SIGSEGV", own=True)
    hang = "The self-test of the model hangs (decode): it was ended. Otherwise run `caravan doctor`."
    for phase, reason in (("decode", ""), ("loading", ""), ("decode", hang)):
        told = explain(Ending(crash, phase, reason, 0.0))
        found = proven(1, ok=False, phase=phase, reason=told).found
        assert "caravan doctor" in told
        assert "caravan doctor" not in found
        assert "SIGSEGV" in found or "hangs" in found
    assert proven(1, ok=False, phase="decode", reason=explain(Ending(crash, "decode", "", 0.0))).found.endswith(
        "does not run this model on this machine. docs/build.md describes a new build."
    )


def test_a_self_test_that_could_not_be_run_tells_how_it_ended() -> None:
    assert (
        proven(2, "no such option").found == "the self-test could not be run: it ended with status 2 (no such option)"
    )
    assert "killed by SIGKILL" in proven(-9).found
    assert "did not end within" in proven(None).found
    assert {proven(status).state for status in (0, 2, -9, None)} == {State.FAULT}
    assert proven(1, ok=True).state == State.FAULT


def test_a_model_that_would_push_others_out_of_memory_is_not_tested() -> None:
    need = Need("big", 8 << 30, 1)
    (finding,) = models.too_large(need, Room(16 << 30, 4 << 30, limited=False))
    assert (finding.check, finding.state) == ("model big", State.WARNING)
    assert "not tested" in finding.found
    assert list(models.too_large(need, Room(16 << 30, 9 << 30, limited=False))) == []
    assert list(models.too_large(need, None)) == []
