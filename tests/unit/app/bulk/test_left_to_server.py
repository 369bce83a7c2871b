"""A run that is left to the server (`--no-wait`), beside all that may become of a run: changes, retries, a new one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from app.bulk import collecting, first_row, job, server_run
from app.bulk import run as asking_all
from app.bulk.asking import Question, Template
from app.bulk.choice import Choice
from app.bulk.errors import BulkError, Refused
from app.bulk.job import BulkJob
from app.bulk.journal import Tally
from app.bulk.report import Lines
from app.bulk.run import Limits
from app.bulk.server_run import HandedIn
from caravan_client import AsyncClient
from tasks.errors import AuthenticationFailed, CaravanError, ChatTemplateMissing, EngineFailure, InvalidRequest
from tests.support.batch_server import BatchServer
from tests.support.bulk_server import refuses_setting
from tests.support.datasets import read, write

TEN: list[dict[str, Any]] = [{"q": f"q{n}"} for n in range(10)]


def bulk(
    source: Path, server: BatchServer, *, waits: bool = True, prompt: str = "{{ q }}",
    options: dict[str, Any] | None = None, restart: bool = False, retry: bool = False, keep: bool = False,
) -> Tally | HandedIn:  # fmt: skip
    options = {"temperature": 0.0, **(options or {})}
    made = BulkJob(
        source=source, stdin=io.BytesIO(), stdin_kind="jsonl", output=source.with_name("out.jsonl"), column="answer",
        question=Question(model="demo", prompt=Template(prompt, "--prompt"), options=options),
        choice=Choice(), limits=Limits(1, None, False), restart=restart, retry=retry, keep=keep, waits=waits,
        asked={"--prompt": prompt, "options": options},
    )  # fmt: skip
    return made(cast("Callable[[], AsyncClient]", lambda: server), Lines())


def handed(source: Path, server: BatchServer, **options: Any) -> str:
    """The batch that the rows are handed in as."""
    done = bulk(source, server, waits=False, **options)
    assert isinstance(done, HandedIn)
    return done.batch_id


def answers(source: Path) -> list[str]:
    return [row["answer"] for row in read(source.with_name("out.jsonl"))]


def progress(source: Path) -> Path:
    return source.with_name("out.jsonl.progress")


def begun(source: Path, num_rows: int, **options: Any) -> None:
    """A run that asked rows itself, and was stopped after so many."""
    with pytest.raises(KeyboardInterrupt):
        bulk(source, BatchServer(dies_after=num_rows), **options)


class Killed(Exception):
    """Raised where the command is killed."""


def failing(*texts: str) -> Callable[[dict[str, Any]], CaravanError | None]:
    error = EngineFailure("Broken.")
    return lambda body: error if body["messages"][-1]["content"] in texts else None


def refusing(text: str) -> Callable[[dict[str, Any]], CaravanError | None]:
    return lambda body: InvalidRequest(f"{text}.") if body["messages"][-1]["content"] == text else None


@pytest.fixture(autouse=True)
def _waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_all, "COMMIT_SECONDS", 0.005)
    monkeypatch.setattr(collecting, "LOOK_SECONDS", 0)


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    return write(tmp_path / "in.jsonl", TEN)


# -- kept answers


def test_only_rows_that_are_not_kept_are_handed_in(ten: Path) -> None:
    begun(ten, 6)
    write(ten, [{"q": "better"} if row["q"] in ("q1", "q8") else row for row in TEN])
    server = BatchServer()
    with pytest.raises(BulkError, match="5 would be kept and 1 would be asked anew"):
        bulk(ten, server, waits=False)
    batch = handed(ten, server, keep=True)
    assert server.asked(batch) == ["better", "q6", "q7", "better", "q9"]
    bulk(ten, server)
    assert answers(ten) == ["Q0", "BETTER", *(f"Q{n}" for n in range(2, 8)), "BETTER", "Q9"]
    assert not progress(ten).exists()
    assert server.files == {}


def test_a_run_whose_answers_are_all_kept_hands_nothing_in(ten: Path) -> None:
    begun(ten, 9)
    write(ten, TEN[:9])
    server = BatchServer()
    assert isinstance(bulk(ten, server, waits=False), Tally)
    assert server.batches == {}
    assert len(answers(ten)) == 9


def test_answers_of_a_batch_are_compared_as_those_of_rows_that_were_asked(ten: Path) -> None:
    server = BatchServer(fails=failing("q4"))
    handed(ten, server)
    bulk(ten, server)
    assert len(answers(ten)) == 9
    write(ten, [{"q": "better"} if row["q"] == "q2" else row for row in [*TEN, {"q": "more"}]])
    with pytest.raises(BulkError, match=r"8 would be kept and 1 would be asked anew \(row 3\)"):
        bulk(ten, BatchServer(), retry=True)
    again = BatchServer()
    bulk(ten, again, retry=True, keep=True)
    assert sorted(again.computed) == ["better", "more", "q4"]
    assert answers(ten) == ["Q0", "Q1", "BETTER", *(f"Q{n}" for n in range(3, 10)), "MORE"]


# -- another run takes the place of one that was handed in


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("change", [{"prompt": "Say {{ q }}"}, {"restart": True}], ids=["corrected", "restarted"])
def test_the_batch_is_cancelled_before_the_next_run_begins(ten: Path, change: dict[str, Any], waits: bool) -> None:
    server, cancelled = BatchServer(holds=True), []

    def see(method: str, path: str) -> None:
        if path.endswith("/cancel"):
            run = json.loads((progress(ten) / "run.json").read_text())["run"]
            assert json.loads((progress(ten) / "batch.json").read_text())["run"] == run
            cancelled.append(path)

    server.on_call = see
    first = handed(ten, server)
    note = progress(ten) / "batch.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "batch": None}))  # it died before it knew the batch
    done = bulk(ten, server, waits=waits, **change)
    assert cancelled == [f"/v1/batches/{first}/cancel"]
    assert server.batches[first]["status"] == "cancelled"
    if isinstance(done, HandedIn):
        assert server.batches[done.batch_id]["status"] == "in_progress"
        server.holds = False
        bulk(ten, server, **{name: value for name, value in change.items() if name != "restart"})
    text = change.get("prompt", "{{ q }}")
    assert answers(ten) == [text.replace("{{ q }}", row["q"]).upper() for row in TEN]
    assert len(server.computed) == 10


def test_a_command_killed_as_it_cancels_cancels_the_next_time(ten: Path) -> None:
    server = BatchServer(holds=True)
    first = handed(ten, server)

    def die(method: str, path: str) -> None:
        if path.endswith("/cancel"):
            raise KeyboardInterrupt

    server.on_call = die
    with pytest.raises(KeyboardInterrupt):
        bulk(ten, server, prompt="Say {{ q }}")
    server.on_call = lambda method, path: None
    assert handed(ten, server) == first, "the earlier command still has its batch"
    bulk(ten, server, prompt="Say {{ q }}")
    assert server.batches[first]["status"] == "cancelled"
    assert len(server.computed) == 10


def test_answers_that_the_batch_has_are_not_thrown_away_without_a_word(ten: Path) -> None:
    server = BatchServer()
    batch = handed(ten, server)
    for keep in (False, True):
        with pytest.raises(BulkError, match=rf"batch {batch}, which has answered 10 of them\. Fetch these"):
            bulk(ten, server, prompt="Say {{ q }}", keep=keep)
    bulk(ten, server)
    assert answers(ten) == [f"Q{n}" for n in range(10)]
    assert len(server.computed) == 10
    handed(ten, server, restart=True)
    bulk(ten, server, restart=True)
    assert len(server.computed) == 30, "--restart says that they may go"


def test_a_batch_that_the_server_does_not_have_any_more_hinders_no_change(ten: Path) -> None:
    server = BatchServer()
    handed(ten, server)
    server.batches.clear()
    bulk(ten, server, prompt="Say {{ q }}")
    assert answers(ten)[0] == "SAY Q0"


# -- failed rows again


def test_failed_rows_alone_are_handed_in_again(ten: Path) -> None:
    for flag in (True, False):
        server = BatchServer(fails=failing("q2", "q7"))
        handed(ten, server, restart=True)
        bulk(ten, server)
        server.fails = lambda body: None
        batch = handed(ten, server, retry=True)
        assert server.asked(batch) == ["q2", "q7"]
        assert handed(ten, server, retry=True) == batch
        bulk(ten, server, retry=flag)
        assert answers(ten) == [f"Q{n}" for n in range(10)]
        assert len(server.computed) == 12
        assert not progress(ten).exists()


def test_the_flag_changes_nothing_for_a_first_run_that_was_handed_in(ten: Path) -> None:
    server = BatchServer(fails=failing("q2"))
    batch = handed(ten, server)
    assert handed(ten, server, retry=True) == batch
    bulk(ten, server, retry=True)
    assert len(answers(ten)) == 9
    assert len(server.computed) == 10


def test_a_run_that_failed_rows_and_was_then_handed_in_is_fetched_before_they_are_asked_again(ten: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        bulk(ten, BatchServer(fails=failing("q1"), dies_after=4))
    server = BatchServer()
    batch = handed(ten, server)
    assert server.asked(batch) == [f"q{n}" for n in range(4, 10)]
    with pytest.raises(BulkError, match="has answered 6 of them"):
        bulk(ten, server, retry=True)
    bulk(ten, server)
    bulk(ten, server, retry=True)
    assert server.computed == [*(f"q{n}" for n in range(4, 10)), "q1"]
    assert answers(ten) == [f"Q{n}" for n in range(10)]


# -- a question with the options, and the server, check the rows, as the first row does


@pytest.mark.parametrize("retry", [False, True])
def test_options_that_no_row_can_have_are_told_before_any_is_handed_in(ten: Path, retry: bool) -> None:
    if retry:
        bulk(ten, BatchServer(fails=failing("q2")))
    server = BatchServer(refuses=refuses_setting("foo"))
    with pytest.raises(Refused, match=r"No row can be asked so: 'foo' is no parameter\. Correct --set foo\."):
        bulk(ten, server, waits=False, options={"foo": 1}, retry=retry)
    assert (server.batches, server.files) == ({}, {})
    assert progress(ten).exists() == retry, "nothing that anybody wants is left of a first run"
    handed(ten, server, retry=retry)
    assert server.tried == ["Hi", "Hi"]
    bulk(ten, server)
    assert answers(ten) == [f"Q{n}" for n in range(10)]
    assert server.computed == (["q2"] if retry else [f"q{n}" for n in range(10)])


def test_a_model_without_a_chat_template_gets_no_batch_of_chats(ten: Path) -> None:
    server = BatchServer(fails=lambda body: ChatTemplateMissing("No template.", param="messages"))
    with pytest.raises(Refused, match=r"No template\. The option for this is --raw\."):
        bulk(ten, server, waits=False)
    assert server.batches == {}


def test_a_model_that_has_no_time_for_a_question_holds_nobody(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_row, "TRIAL_SECONDS", 0.01)
    server = BatchServer(answers=False)
    assert len(server.asked(handed(ten, server))) == 10


@pytest.mark.parametrize("error", [EngineFailure("Broken."), AuthenticationFailed("No.")])
def test_an_error_that_is_not_the_options_fault_is_left_to_the_rows(ten: Path, error: CaravanError) -> None:
    server = BatchServer(fails=lambda body: error if body["messages"][-1]["content"] == "Hi" else None)
    assert len(server.asked(handed(ten, server))) == 10


def test_rows_that_are_handed_in_already_are_not_tried_again(ten: Path) -> None:
    server = BatchServer(holds=True)
    assert handed(ten, server) == handed(ten, server)
    assert server.tried == ["Hi"]


def test_a_batch_that_the_server_refuses_is_told_before_the_command_leaves(ten: Path) -> None:
    server = BatchServer(refuses=refusing("q3"))
    with pytest.raises(Refused, match="refused the batch and run no row: line 4: q3"):
        bulk(ten, server, waits=False)
    assert server.computed == []
    assert not progress(ten).exists()


def test_a_server_that_takes_long_to_check_the_rows_holds_nobody(ten: Path) -> None:
    server = BatchServer(checks=False, refuses=refusing("q3"))
    done = bulk(ten, server, waits=False)
    assert isinstance(done, HandedIn)
    assert done.state.startswith("The batch is validating")
    server.checks = True
    with pytest.raises(Refused, match="line 4: q3"):
        bulk(ten, server)
    assert not progress(ten).exists()


# -- the end


def test_a_batch_whose_answers_are_fetched_hinders_no_change(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise Killed

    server = BatchServer()
    handed(ten, server)
    with monkeypatch.context() as patched:
        patched.setattr(job, "assemble", die)
        with pytest.raises(Killed):
            bulk(ten, server)
    assert not (progress(ten) / "batch.json").exists()
    write(ten, [{"q": "better"}, *TEN[1:]])
    bulk(ten, server, keep=True)
    assert answers(ten) == ["BETTER", *(f"Q{n}" for n in range(1, 10))]
    assert len(server.computed) == 11


def test_a_command_killed_after_the_last_answer_leaves_nothing_on_the_server(
    ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = BatchServer()
    handed(ten, server)

    async def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(server_run, "remove_files", die)
        with pytest.raises(Killed):
            bulk(ten, server)
    assert len(server.files) == 3
    bulk(ten, server)
    assert server.files == {}
    assert answers(ten) == [f"Q{n}" for n in range(10)]
    assert len(server.computed) == 10
