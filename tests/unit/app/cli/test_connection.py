"""What a command says while it waits for the cluster."""

from __future__ import annotations

import pytest

from app.cli.connection import PATIENT_SECONDS, teller
from app.client.calls import Calls
from app.client.exchange import Broken, Patience
from tests.unit.app.client.test_exchange import Clock, Server, job, ok, refused


def test_what_a_command_waits_for_is_told_once_until_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    failed = refused(503, "model_failed", "30")
    server = Server(*[failed] * 4, *[Broken("It is gone.", sent=False)] * 3, failed, ok(job("queued")), clock=clock)
    patience = Patience(PATIENT_SECONDS, on_wait=teller(), clock=clock)
    server.carry_out(Calls(model="demo", patience=patience).submit("Hello"))
    assert len(server.pauses) == 8
    assert capsys.readouterr().err.splitlines() == [
        "No. Trying again for 5 minutes.",
        "It is gone. Trying again for 5 minutes.",
        "No. Trying again for 5 minutes.",
    ]
