"""What commands list: it fits the screen, says in words that there is nothing, and is whole as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main

LONG = "a-model-whose-name-is-longer-than-a-screen-of-fifty-columns"
QUEUE = {"model": LONG, "state": "open", "in_catalogue": True, "queued": {"high": 1, "normal": 2, "low": 3},
         "running": 4, "oldest_age_seconds": 5.4}  # fmt: skip
JOB = {"id": "573a9ce6-2045-4d0e-934d-150c35b198a7", "status": "failed", "model": LONG, "usage": None,
       "error": {"code": "worker_died", "message": "Workers died of it."}, "priority": "high", "created_at": 1.0,
       "finished_at": 2.0, "deaths": [{"at": 2.0, "worker": f"{LONG}-1", "alone": True, "found": "oom"}]}  # fmt: skip
BATCH = {"id": "batch_573a9ce6204501934d150c35b198a7aa", "status": "completed", "paused_at": None, "created_at": 1,
         "progress": {"answered": 1}, "request_counts": {"failed": 0, "total": 1}}  # fmt: skip
LISTS = {"queues list": QUEUE, "jobs list": JOB, "batches list": BATCH, "batches status": BATCH}


class Api:
    """A cluster that answers any call with the same things."""

    def __init__(self, found: list[dict[str, Any]]) -> None:
        self._found = found

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, *_: object, **__: object) -> dict[str, Any]:
        return {"data": self._found, "last_id": None, "has_more": False}


@pytest.fixture
def caravan(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on a screen of a width against a cluster that has these things."""

    def run(command: str, *found: dict[str, Any], width: int | None = None) -> Result:
        for module in (app.cli.lists, app.cli.jobs):
            monkeypatch.setattr(module, "screen_width", lambda: width)
        monkeypatch.setattr(app.cli.connection, "Client", lambda *_, **__: Api(list(found)))
        return CliRunner().invoke(main, command.split())

    import app.cli.jobs

    return run


@pytest.mark.parametrize("width", [80, 50])
@pytest.mark.parametrize(("command", "found"), LISTS.items())
def test_no_line_of_a_list_is_wider_than_the_screen(caravan: Any, command: str, found: Any, width: int) -> None:
    lines = caravan(command, found, width=width).stdout.splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(("command", "found"), LISTS.items())
def test_what_is_piped_has_every_column_and_whole_values(caravan: Any, command: str, found: Any) -> None:
    shown = caravan(command, found).stdout
    assert found.get("model", found.get("id")) in shown
    assert ("CREATED" if "created_at" in found else "OLDEST") in shown


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("queues list", "This API key may use no model."),
        ("jobs list", "No jobs."),
        ("jobs dlq", "No dead letters."),
        ("batches list", "No batches."),
        ("batches status", "No batches."),
    ],
)
def test_nothing_is_told_in_words_and_without_a_head(caravan: Any, command: str, sentence: str) -> None:
    assert caravan(command, width=80).stdout == f"{sentence}\n"


@pytest.mark.parametrize("command", ["queues list", "jobs list", "jobs dlq", "batches list"])
def test_json_has_what_the_server_said(caravan: Any, command: str) -> None:
    assert json.loads(caravan(f"{command} --json", JOB, width=50).stdout) == [JOB]
    assert json.loads(caravan(f"{command} --json").stdout) == []


@pytest.mark.parametrize("width", [80, 50])
def test_a_dead_letter_of_a_model_with_a_long_name_fits(caravan: Any, width: int) -> None:
    lines = caravan("jobs dlq", {**JOB, "deaths": []}, width=width).stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[-1] == "  Workers died of it."
