"""What a bulk run asks and what it keeps: templates, the journal, the folder beside the output, what it tells."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bulk.answer import Answer
from app.bulk.asking import Question, RowError, Template
from app.bulk.errors import BulkError
from app.bulk.folder import Folder, lock
from app.bulk.journal import Journal
from app.bulk.report import Lines, Speed
from app.bulk.resume import Will, begin
from app.bulk.state import State

# -- asking


def render(text: str, row: dict[str, Any]) -> str:
    return Template(text, "--prompt").render(row)


def test_a_template_has_the_columns_and_the_whole_row() -> None:
    row = {"text": "Good.", "my column": 3, "none": None, "html": "<b>"}
    assert render("{{ text }} {{ row['my column'] + 1 }}{{ none }} {{ html }}\n", row) == "Good. 4 <b>\n"


@pytest.mark.parametrize("text", ["{{ missing }}", "{{ row.missing }}", "{{ text.missing }}", "{{ 1 / 0 }}",
                                  "{{ text + 1 }}", "{{ half }}", "{{ text.__class__.__mro__ }}"])  # fmt: skip
def test_a_row_that_a_template_cannot_be_filled_from_has_an_error_of_its_own(text: str) -> None:
    with pytest.raises(RowError) as failed:
        render(text, {"text": "a", "half": "\ud800"})
    assert failed.value.code == "template_error"


def test_a_template_that_is_none_is_told_before_the_run() -> None:
    with pytest.raises(BulkError, match="--prompt, line 1"):
        Template("{{ text", "--prompt")


def test_columns_that_are_not_there_are_found_before_the_run() -> None:
    asks = Question(
        model="m", prompt=Template("{{ a }} {{ row.x }}", "--prompt"), system=Template("{{ b }}", "--system")
    )
    assert asks.missing(frozenset({"a"})) == ["b"]
    assert Question(model="m", messages_column="chat").missing(frozenset()) == ["chat"]


def test_a_body_is_a_chat_of_low_priority_with_the_options() -> None:
    asks = Question(
        model="m", prompt=Template("{{ a }}?", "--prompt"), system=Template("Be {{ how }}.", "--system"),
        schema={"type": "object"}, options={"temperature": 0.0},
    )  # fmt: skip
    assert asks.body({"a": 1, "how": "brief"}) == {
        "model": "m", "priority": "low", "temperature": 0.0,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1?"}],
        "response_format": {
            "type": "json_schema", "json_schema": {"name": "row", "schema": {"type": "object"}, "strict": True},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "told", [[{"role": "user", "content": "Hi", "name": None}], '[{"role": "user", "content": "Hi"}]']
)
def test_messages_come_from_a_column_as_a_list_or_as_json(told: Any) -> None:
    body = Question(model="m", messages_column="chat").body({"chat": told})
    assert body["messages"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("told", [None, "no JSON", "{}", ["Hi"], 3])
def test_a_column_without_messages_is_the_rows_error(told: Any) -> None:
    with pytest.raises(RowError, match="chat is not"):
        Question(model="m", messages_column="chat").body({"chat": told})


# -- the journal


def answered(text: str) -> Answer:
    return Answer(text=text, finish_reason="stop", prompt_tokens=3, completion_tokens=2)


FAILED = Answer(code="engine_failure", message="No.")
ANSWERS = [answered("a\n"), FAILED, answered("\u2028ß\ud800")]


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    journal = Journal.open(path)
    yield journal
    journal.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with opened(tmp_path / "answers.jsonl") as journal:
        journal.append(0, ANSWERS[:1])
        journal.append(1, ANSWERS[1:])
    return journal.path


def test_a_journal_gives_what_was_written(path: Path) -> None:
    with opened(path) as journal:
        assert list(journal.read()) == ANSWERS
        tally = journal.tally
    assert (tally.num_rows, tally.num_failed, tally.prompt_tokens, tally.completion_tokens) == (3, 1, 6, 4)


def test_a_journal_that_was_cut_anywhere_goes_on_after_its_last_whole_line(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        for garbage in (b"", b"\0" * 7, b'{"row": 9}\n'):
            path.write_bytes(whole[:size] + garbage)
            num_whole = sum(end <= size for end in ends)
            with opened(path) as journal:
                assert journal.tally.num_rows == num_whole
                journal.append(num_whole, ANSWERS[num_whole:])
            assert path.read_bytes() == whole


def test_lines_behind_a_hole_are_none(path: Path) -> None:
    first, second, third = path.read_bytes().splitlines(keepends=True)
    for hole in (b"\0" * len(second), b""):
        path.write_bytes(first + hole + third)
        with opened(path) as journal:
            assert journal.tally.num_rows == 1


def test_answers_are_on_the_disk_when_append_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(path.read_bytes()))
    with opened(path) as journal:
        journal.append(3, [FAILED])
        assert synced == [path.read_bytes()]
        assert len(list(journal.read())) == 4


def test_a_write_that_fails_leaves_nothing_and_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = path.read_bytes()

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(path) as journal:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(BulkError, match=r"Cannot write .*: No space left on device"):
            journal.append(3, [FAILED])
        assert path.read_bytes() == whole
        assert journal.tally.num_rows == 3


def test_no_row_can_be_left_out(path: Path) -> None:
    with opened(path) as journal, pytest.raises(AssertionError):
        journal.append(4, [FAILED])


@given(st.integers(0, 3))
def test_answers_can_be_taken_back(tmp_path_factory: pytest.TempPathFactory, num_rows: int) -> None:
    kept = 3 - num_rows
    with opened(tmp_path_factory.mktemp("journal") / "answers.jsonl") as journal:
        journal.append(0, ANSWERS)
        journal.take_back(num_rows)
        assert list(journal.read()) == ANSWERS[:kept]
        assert journal.tally.num_rows == kept
        journal.append(kept, ANSWERS[kept:])
        assert list(journal.read()) == ANSWERS


# -- the folder


def open_folder(output: Path, asked: dict[str, Any], *, restart: bool = False) -> Folder:
    path, held = lock(output, restart=restart)
    try:
        return begin(path, held, asked, Will(restart=restart), lambda: ["another"])
    except BulkError:
        held.release()
        raise


def test_a_run_goes_on_under_its_id_while_it_asks_the_same(tmp_path: Path) -> None:
    first = open_folder(tmp_path / "out.csv", {"--prompt": "a", "--seed": None})
    first.close()
    second = open_folder(tmp_path / "out.csv", {"--prompt": "a"})
    assert second.run_id == first.run_id
    second.close()


def test_what_has_changed_is_named_and_restart_forgets_it(tmp_path: Path) -> None:
    first = open_folder(tmp_path / "out.csv", {"the input": "1", "--prompt": "a", "--model": "m"})
    with opened(first.journal) as journal:
        journal.append(0, ANSWERS[:1])
    first.close()
    with pytest.raises(BulkError, match=r"the input, --prompt, --seed\. .*--restart"):
        open_folder(tmp_path / "out.csv", {"the input": "2", "--prompt": "b", "--model": "m", "--seed": 1})
    again = open_folder(tmp_path / "out.csv", {"--prompt": "b"}, restart=True)
    assert again.run_id != first.run_id
    assert not again.journal.exists()
    again.close()


def test_two_processes_do_not_make_one_output(tmp_path: Path) -> None:
    first = open_folder(tmp_path / "out.csv", {})
    for restart in (False, True):
        with pytest.raises(BulkError, match="Another command"):
            open_folder(tmp_path / "out.csv", {}, restart=restart)
    first.close()


def test_an_output_that_is_there_is_not_written_over_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(BulkError, match="--restart"):
        open_folder(tmp_path / "out.csv", {})
    open_folder(tmp_path / "out.csv", {}, restart=True).close()
    open_folder(tmp_path / "out.csv", {}).close()  # it goes on: killed after its output was made, before its end


def test_a_folder_half_removed_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_folder(tmp_path / "out.csv", {})
    first.journal.write_text("answers")

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        first.remove()
    first.close()
    again = open_folder(tmp_path / "out.csv", {})
    assert not again.journal.exists()
    again.close()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 0}'])
def test_a_state_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    first = open_folder(tmp_path / "out.csv", {})
    (first.path / "run.json").write_text(text)
    first.close()
    with pytest.raises(BulkError, match="--restart"):
        open_folder(tmp_path / "out.csv", {})
    open_folder(tmp_path / "out.csv", {}, restart=True).close()


# -- what is told


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_speed_is_that_of_late() -> None:
    clock = Clock()
    speed = Speed(clock)
    assert speed.see(State(0, 1000, 0, 0)) == (0, 0)
    for _ in range(100):
        clock.now += 1
        speed.see(State(10 * int(clock.now - 100), 1000, 0, 50 * int(clock.now - 100)))
    clock.now += 1
    rows, tokens = speed.see(State(1000, 1000, 0, 5000))
    assert 9 < rows < 10
    assert 45 < tokens < 50
    assert len(speed._seen) < 40


def test_lines_come_now_and_then_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(clock)
    for num_rows in (0, 1, 2):
        lines.show(State(num_rows, 100, 0, 0))
        clock.now += 1
    clock.now += 8
    lines.show(State(50, 100, 2, 400))
    for _ in range(2):
        lines.show(State(100, 100, 2, 800))
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split(",")[0] for line in told.err.splitlines()] == [
        "0 of 100 rows", "50 of 100 rows", "100 of 100 rows",
    ]  # fmt: skip
    assert "2 failed, 0:00:11 left" in told.err
