"""What commands say where there is nothing, or where nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from urllib.error import URLError

import click
import pytest
from click.testing import CliRunner

from app.cli import batch_view, main, submit
from caravan_client import Client, Job, StreamedEvent
from caravan_client.calls import Calls
from tests.unit.app.client.test_exchange import job


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster without a job."""
    monkeypatch.setattr(Client, "call", lambda *_args, **_options: {"data": []})


@pytest.mark.usefixtures("cluster")
def test_a_retry_of_dead_letters_tells_that_there_are_none() -> None:
    assert CliRunner().invoke(main, ["jobs", "retry", "--dlq"]).output == "No dead letters.\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "Name jobs, or give --dlq."),
        (["j1", "--dlq"], "Name jobs or give --dlq, not both."),
        (["j1", "-m", "demo"], "--model is for --dlq"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_a_retry_tells_which_of_its_options_do_not_go_together(given: list[str], said: str) -> None:
    refused = CliRunner().invoke(main, ["jobs", "retry", *given])
    assert said in refused.output
    assert refused.exit_code == 2


def test_a_probe_tells_in_words_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise URLError(ConnectionRefusedError(111, "Connection refused"))

    monkeypatch.setattr("urllib.request.OpenerDirector.open", refuse)
    probed = CliRunner().invoke(main, ["probe", "http", "http://127.0.0.1:1/"])
    assert probed.output == "Error: http://127.0.0.1:1/ does not answer: Connection refused.\n"
    assert probed.exit_code == 1


def test_a_batch_whose_file_is_not_read_yet_has_no_number_of_lines() -> None:
    progress = {"answered": 0, "tokens_per_second": 0.0, "eta_seconds": None, "stalled": None}
    batch = {"status": "validating", "paused_at": None, "progress": progress}
    assert batch_view.progress({**batch, "request_counts": {"total": 0, "failed": 0}}) == "validating"
    assert batch_view.progress({**batch, "request_counts": {"total": 1, "failed": 0}}) == "validating, 0 of 1 line"


def test_a_job_that_ended_without_text_is_told_of_without_an_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    class Cancelled:
        calls = Calls()

        def stream(self, _job_id: str) -> Iterator[StreamedEvent]:
            yield StreamedEvent("2-0", "done", job("cancelled"))

        def job(self, _job_id: str) -> Job:
            raise AssertionError

    with pytest.raises(click.ClickException, match="The job is cancelled"):
        submit.show_stream(cast("Client", Cancelled()), "j1")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("arguments", "said"), [(["models", "list"], "Stopped."), (["submit", "Hi"], submit.UNKNOWN)])
def test_an_interrupt_ends_a_command_as_shells_expect(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("caravan_client.Client.carry_out", interrupt)
    stopped = CliRunner().invoke(main, arguments)
    assert (stopped.exit_code, stopped.stderr) == (130, f"\n{said}\n")
