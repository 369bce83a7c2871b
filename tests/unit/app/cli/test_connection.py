"""What a command says while it waits for the cluster, and of the cluster's errors."""

from __future__ import annotations

import pytest

from app.cli.connection import PATIENT_SECONDS, TRYING, in_words
from app.cli.waits import Waits
from caravan_client.calls import Calls
from caravan_client.errors import ServerAway, from_response
from caravan_client.exchange import Broken, Patience
from tasks.errors import AuthenticationFailed, QueueFull
from tests.unit.app.client.test_exchange import Clock, Server, job, ok, refused


def test_what_a_command_waits_for_is_told_once_until_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    failed = refused(503, "model_failed", "30")
    server = Server(*[failed] * 4, *[Broken("It is gone.", sent=False)] * 3, failed, ok(job("queued")), clock=clock)
    patience = Patience(PATIENT_SECONDS, on_wait=Waits(TRYING, told_at=1), clock=clock)
    server.carry_out(Calls(model="demo", patience=patience).submit("Hello"))
    assert len(server.pauses) == 8
    assert capsys.readouterr().err.splitlines() == [
        "No. Trying again for 5 minutes.",
        "It is gone. Trying again for 5 minutes.",
        "No. Trying again for 5 minutes.",
    ]


HERE = "http://127.0.0.1:8000"


def test_a_missing_key_is_asked_for_in_the_words_of_the_command() -> None:
    error = AuthenticationFailed("Send an API key: Authorization: Bearer cvn-...")
    assert in_words(error, HERE, None) == f"{HERE} asks for an API key: give one by --api-key or CARAVAN_API_KEY."


def test_a_wrong_key_is_refused_in_the_words_of_the_command() -> None:
    said = in_words(AuthenticationFailed("This API key is wrong."), HERE, "cvn-1")
    assert said.startswith(f"{HERE} refuses this API key. This API key is wrong.")
    assert "--api-key" in said
    assert "cvn-1" not in said


def test_a_cluster_that_is_away_can_be_started_where_it_would_be_on_this_machine() -> None:
    away = ServerAway("It does not answer: refused.")
    assert "refused; start a cluster with `caravan up`, or give the address" in in_words(away, HERE, None)
    assert "caravan up" not in in_words(away, "https://caravan.example.com", None)


def test_what_answers_and_is_another_program_is_a_wrong_address() -> None:
    said = in_words(from_response(404, None, b"<html>"), HERE, None)
    assert said.startswith(f"{HERE}: The server answered 404")
    assert "--url" in said


def test_a_password_in_the_address_is_not_repeated() -> None:
    assert "secret" not in in_words(AuthenticationFailed("No."), "http://user:secret@127.0.0.1:8000", None)


def test_other_errors_are_the_servers_own_words() -> None:
    assert in_words(QueueFull("The queue is full."), HERE, None) == "The queue is full."
