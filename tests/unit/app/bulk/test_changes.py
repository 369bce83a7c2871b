"""What becomes of a run when it is asked something else, when its rows fail, and when failed rows are asked again."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from app.bulk import assemble, folder, resume
from app.bulk import run as asking_all
from app.bulk.asking import Question, Template
from app.bulk.choice import Choice
from app.bulk.errors import BulkError, Refused
from app.bulk.job import BulkJob
from app.bulk.journal import Tally
from app.bulk.report import Lines
from app.bulk.run import Limits
from caravan_client import AsyncClient
from tasks.errors import CaravanError, ChatTemplateMissing, ContextLengthExceeded, EngineFailure, InvalidRequest
from tests.support.bulk_server import BulkServer, refuses_setting
from tests.support.datasets import read, write

TEN: list[dict[str, Any]] = [{"q": f"q{n}"} for n in range(10)]


def bulk(
    source: Path, server: BulkServer, *, prompt: str = "{{ q }}", limit: int | None = None, most: int | None = None,
    options: dict[str, Any] | None = None, output: str = "out.jsonl", model: str = "demo", system: str | None = None,
    restart: bool = False, retry: bool = False, keep: bool = False,
) -> Tally:  # fmt: skip
    """As the command does it, beside its input. One row at a time, so that its order is certain."""
    options = {"temperature": 0.0, **(options or {})}
    job = BulkJob(
        source=source, stdin=io.BytesIO(), stdin_kind="jsonl", output=source.with_name(output), column="answer",
        question=Question(
            model=model, prompt=Template(prompt, "--prompt"), options=options,
            system=None if system is None else Template(system, "--system"),
        ),
        choice=Choice(None, limit), limits=Limits(1, most, False), restart=restart, retry=retry, keep=keep,
        asked={"--model": model, "--prompt": prompt, "--limit": limit, "options": options},
    )  # fmt: skip
    tally = job(cast("Callable[[], AsyncClient]", lambda: server), Lines())
    assert isinstance(tally, Tally)
    return tally


def answers(source: Path, output: str = "out.jsonl") -> list[str]:
    return [row["answer"] for row in read(source.with_name(output))]


def begun(source: Path, num_rows: int, **options: Any) -> None:
    """A run that was stopped after so many rows."""
    with pytest.raises(KeyboardInterrupt):
        bulk(source, BulkServer(dies_after=num_rows), **options)


@pytest.fixture(autouse=True)
def _writes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_all, "COMMIT_SECONDS", 0.005)


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    return write(tmp_path / "in.jsonl", TEN)


def fails_if(part: str, error: CaravanError) -> Callable[[dict[str, Any]], CaravanError | None]:
    return lambda body: error if part in body["messages"][-1]["content"] else None


# -- what is asked has changed


@pytest.mark.parametrize("change", [{"prompt": "Say {{ q }}"}, {"model": "other"}, {"options": {"seed": 1}}])
def test_the_corrected_command_goes_while_nothing_is_answered(ten: Path, change: dict[str, Any]) -> None:
    begun(ten, 0)
    server = BulkServer()
    bulk(ten, server, **change)
    assert len(server.computed) == 10
    assert answers(ten) == [text.upper() for text in server.computed]
    assert not ten.with_name("out.jsonl.progress").exists()


def test_failed_rows_alone_are_nothing_that_is_answered(ten: Path) -> None:
    with pytest.raises(BulkError, match="--max-failures allows 2"):
        bulk(ten, BulkServer(fails=fails_if("wrong", ContextLengthExceeded("Long."))), prompt="wrong {{ q }}", most=2)
    bulk(ten, BulkServer())
    assert answers(ten) == [f"Q{n}" for n in range(10)]


def test_another_prompt_after_answers_is_refused_with_what_would_become_of_them(ten: Path) -> None:
    begun(ten, 4)
    server = BulkServer()
    with pytest.raises(BulkError) as refused:
        bulk(ten, server, prompt="Say {{ q }}")
    assert str(refused.value) == (
        "The run in out.jsonl.progress had other options or another input: --prompt. Of the 4 rows that it has "
        "answered, none would be kept and 4 would be asked anew. Undo the change to resume it. Or give --restart to "
        "ask all rows anew, or another -o to leave it as it is."
    )
    assert not refused.value.resumes
    assert server.computed == []
    bulk(ten, server)
    assert len(server.computed) == 6, "the command as it was goes on"


def test_rows_that_were_corrected_are_named_and_they_alone_are_asked_anew(ten: Path) -> None:
    begun(ten, 6)
    write(ten, [{"q": "better"} if row["q"] in ("q1", "q3", "q8") else row for row in TEN])
    server = BulkServer()
    with pytest.raises(BulkError, match=r"the input\. Of the 6 rows .* 4 would be kept and 2 would be asked anew "
                                        r"\(rows 2, 4\)\. .*give --keep-answers"):  # fmt: skip
        bulk(ten, server)
    bulk(ten, server, keep=True)
    assert sorted(server.computed) == ["better"] * 3 + ["q6", "q7", "q9"]
    assert answers(ten) == ["Q0", "BETTER", "Q2", "BETTER", "Q4", "Q5", "Q6", "Q7", "BETTER", "Q9"]
    assert not ten.with_name("out.jsonl.progress").exists()


def test_a_change_by_which_no_answered_row_asks_else_needs_no_word(ten: Path) -> None:
    begun(ten, 3, limit=5)
    write(ten, [*TEN, {"q": "more"}])
    server = BulkServer()
    bulk(ten, server, prompt="{{ q }}{# the same #}")
    assert sorted(server.computed) == ["more", *(f"q{n}" for n in range(3, 10))]
    assert answers(ten) == [*(f"Q{n}" for n in range(10)), "MORE"]


def test_answers_beyond_the_end_are_not_thrown_away_without_a_word(ten: Path) -> None:
    begun(ten, 6)
    with pytest.raises(BulkError, match="2 would be kept and 4 would not be asked about any more"):
        bulk(ten, BulkServer(), limit=2)
    bulk(ten, BulkServer(), limit=2, keep=True)
    assert answers(ten) == ["Q0", "Q1"]


def test_a_run_that_keeps_answers_may_be_stopped_and_changed_again(ten: Path) -> None:
    begun(ten, 8)
    write(ten, [{"q": "b1"}, *TEN[1:]])
    with pytest.raises(KeyboardInterrupt):
        bulk(ten, BulkServer(dies_after=0), keep=True)
    write(ten, [{"q": "b1"}, {"q": "b2"}, *TEN[2:]])
    server = BulkServer()
    bulk(ten, server, keep=True)
    assert server.computed == ["b1", "b2", "q8", "q9"]
    assert answers(ten) == ["B1", "B2", *(f"Q{n}" for n in range(2, 10))]


# -- the first row


def test_a_wrong_setting_is_one_error_before_any_row(ten: Path) -> None:
    server = BulkServer(refuses=refuses_setting("foo"))
    with pytest.raises(Refused, match=r"'foo' is no parameter\. Correct --set foo\.") as refused:
        bulk(ten, server, options={"foo": 1})
    assert not refused.value.resumes
    assert server.computed == []
    assert [path.name for path in ten.parent.iterdir()] == ["in.jsonl"]
    begun(ten, 0)
    with pytest.raises(Refused):
        bulk(ten, server, options={"foo": 1})
    assert [path.name for path in ten.parent.iterdir()] == ["in.jsonl"]


def test_an_error_that_ends_in_a_question_keeps_its_mark(ten: Path) -> None:
    server = BulkServer(refuses=lambda body: InvalidRequest("Did you mean 'top_k'?", param="topk"))
    with pytest.raises(Refused, match=r"Did you mean 'top_k'\? Correct --set topk\. No row was asked\."):
        bulk(ten, server)


@pytest.mark.parametrize("at_once", [True, False], ids=["by the front", "by the worker"])
def test_what_is_refused_of_a_plain_question_too_is_no_rows_fault(ten: Path, at_once: bool) -> None:
    def refusal(body: dict[str, Any]) -> CaravanError:
        return InvalidRequest("This model has no chat template.", param="messages")

    server = BulkServer(refuses=refusal) if at_once else BulkServer(fails=refusal)
    with pytest.raises(Refused, match="has no chat template"):
        bulk(ten, server)
    assert server.computed == ([] if at_once else ["q0", "Hi"])


def test_a_model_without_a_chat_template_is_told_with_the_option_for_it(ten: Path) -> None:
    server = BulkServer(fails=lambda body: ChatTemplateMissing("No template.", param="messages"))
    with pytest.raises(Refused, match=r"No template\. The option for this is --raw\."):
        bulk(ten, server)
    assert server.computed == ["q0"]
    assert server.jobs == {}


def test_a_first_row_that_is_refused_by_its_own_fault_stops_no_run(ten: Path) -> None:
    server = BulkServer(refuses=fails_if("q0", InvalidRequest("No.", param="messages.0.content")))
    assert bulk(ten, server).num_failed == 1
    assert server.computed == ["Hi", *(f"q{n}" for n in range(1, 10))]
    assert "bulk" not in "".join(server.jobs), "the plain question's job is deleted as well"


def test_a_system_message_that_is_too_long_is_the_options_fault_only_where_it_is_that_of_all_rows(ten: Path) -> None:
    def too_long(body: dict[str, Any]) -> CaravanError | None:
        return ContextLengthExceeded("Long.") if "long" in body["messages"][0]["content"] else None

    with pytest.raises(Refused, match="Long"):
        bulk(ten, BulkServer(fails=too_long), system="long")
    write(ten, [{"q": "q0", "s": "long"}, *({**row, "s": "short"} for row in TEN[1:])])
    assert bulk(ten, BulkServer(fails=too_long), system="{{ s }}").num_failed == 1


def test_the_first_row_is_asked_once_and_alone(ten: Path) -> None:
    server = BulkServer()
    bulk(ten, server)
    assert server.computed == [f"q{n}" for n in range(10)]


def test_a_template_that_fills_no_row_is_one_error(tmp_path: Path) -> None:
    source, server = write(tmp_path / "in.jsonl", TEN * 6), BulkServer()
    with pytest.raises(Refused, match=r"Not one of the first 60 rows can be asked: --prompt, .*'str object' has no"):
        bulk(source, server, prompt="{{ q.uper() }}")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
    bulk(source, server, prompt="{{ q.upper() }}")
    assert answers(source)[:2] == ["Q0", "Q1"]


def test_rows_that_cannot_be_asked_stop_no_run_in_which_others_can(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{}] * 80 + TEN)
    assert bulk(source, BulkServer()).num_failed == 80
    assert answers(source) == [f"Q{n}" for n in range(10)]


# -- rows that fail


@pytest.mark.parametrize("num_rows", [1, 10, 30, 60])
@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_an_input_whose_rows_all_fail_ends_and_so_does_its_file_of_failures(
    tmp_path: Path, num_rows: int, ending: str
) -> None:
    source = write(tmp_path / f"in{ending}", [{"q": f"long {n}"} for n in range(num_rows)])
    server = BulkServer(fails=fails_if("long", ContextLengthExceeded("Too long.", param="messages")))
    assert bulk(source, server, output=f"out{ending}").num_failed == num_rows
    again = tmp_path / f"out.failed{ending}"
    assert bulk(again, server, output=f"again{ending}").num_failed == num_rows
    rows = read(tmp_path / f"again.failed{ending}")
    assert [row["q"] for row in rows] == [f"long {n}" for n in range(num_rows)]
    assert {tuple(row) for row in rows} == {("q", "error_code", "error_message")}


def test_rows_that_cannot_be_asked_end_too(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"q": {}}] * 30)
    assert bulk(source, BulkServer(), prompt="{{ q.text }}").num_failed == 30
    assert len(read(tmp_path / "out.failed.jsonl")) == 30


# -- columns of an earlier run's failures


def test_a_file_of_failures_is_known_by_its_codes_under_another_name(tmp_path: Path) -> None:
    failed = {"q": "a", "error_code": "answer_cut", "error_message": "The answer was cut."}
    for ending in (".jsonl", ".csv", ".parquet"):
        source = write(tmp_path / f"corrected{ending}", [failed, {**failed, "error_code": "", "error_message": ""}])
        bulk(source, BulkServer(), output=f"out{ending}")
        assert [list(row) for row in read(tmp_path / f"out{ending}")] == [["q", "answer", "finish_reason"]] * 2


@pytest.mark.parametrize(
    "row",
    [{"error_code": "404", "error_message": "Not found."}, {"error_code": "answer_cut", "error_message": "", "x": 1}],
)
def test_columns_of_the_users_own_stay(tmp_path: Path, row: dict[str, Any]) -> None:
    source = write(tmp_path / "in.jsonl", [{"q": "a", **row}, {"q": "long", **row}])
    bulk(source, BulkServer(fails=fails_if("long", ContextLengthExceeded("Long."))))
    assert read(tmp_path / "out.jsonl") == [{"q": "a", **row, "answer": "A", "finish_reason": "stop"}]
    assert [name for name in read(tmp_path / "out.failed.jsonl")[0] if name.endswith("_2")] == [
        "error_code_2", "error_message_2",
    ]  # fmt: skip


# -- failed rows again


def with_failures(source: Path, parts: str = "27", **options: Any) -> None:
    """A run that has ended with some failed rows."""
    error = EngineFailure("Broken.")
    server = BulkServer(fails=lambda body: error if body["messages"][-1]["content"][-1] in parts else None)
    assert bulk(source, server, **options).num_failed == len(parts)


def test_failed_rows_are_asked_again_into_the_same_output(ten: Path) -> None:
    with_failures(ten)
    with pytest.raises(BulkError, match=r"exists already\. Of its rows 2 failed; --retry-failed asks again"):
        bulk(ten, BulkServer())
    server = BulkServer()
    bulk(ten, server, retry=True)
    assert server.computed == ["q2", "q7"]
    assert answers(ten) == [f"Q{n}" for n in range(10)]
    assert sorted(path.name for path in ten.parent.iterdir()) == ["in.jsonl", "out.jsonl"]
    with pytest.raises(BulkError, match="nothing to ask again"):
        bulk(ten, server, retry=True)


def test_failed_rows_may_be_asked_otherwise_and_the_others_keep_their_answers(ten: Path) -> None:
    with_failures(ten)
    server = BulkServer()
    bulk(ten, server, prompt="Please: {{ q }}", options={"max_tokens": 9}, retry=True)
    assert server.computed == ["Please: q2", "Please: q7"]
    assert answers(ten)[1:3] == ["Q1", "PLEASE: Q2"]


def test_a_retry_goes_on_after_it_was_stopped_with_and_without_its_flag(ten: Path) -> None:
    for flag in (True, False):
        with_failures(ten, "0279", restart=True)
        with pytest.raises(KeyboardInterrupt):
            bulk(ten, BulkServer(dies_after=2), retry=True)
        assert len(answers(ten)) == 6, "the output is there until the other takes its place"
        server = BulkServer()
        bulk(ten, server, retry=flag)
        assert server.computed == ["q7", "q9"]
        assert answers(ten) == [f"Q{n}" for n in range(10)]


def test_a_retry_of_rows_that_all_failed_goes_on_after_it_was_stopped(ten: Path) -> None:
    with_failures(ten, "0123456789")
    server = BulkServer(dies_after=1)
    with pytest.raises(KeyboardInterrupt):
        bulk(ten, server, retry=True)
    server.dies_after = None
    bulk(ten, server, retry=True)
    assert server.computed == [f"q{n}" for n in range(10)]


def test_a_run_without_failures_goes_on_with_the_flag_too(ten: Path) -> None:
    server = BulkServer(dies_after=1)
    with pytest.raises(KeyboardInterrupt):
        bulk(ten, server)
    server.dies_after = 3
    with pytest.raises(KeyboardInterrupt):
        bulk(ten, server, retry=True)
    assert not (ten.parent / "out.jsonl.progress" / "kept.1.jsonl").exists(), "it is the same run"
    server.dies_after = None
    bulk(ten, server, retry=True)
    assert server.computed == [f"q{n}" for n in range(10)]


def test_a_row_that_fails_again_is_asked_once_in_a_retry_that_was_stopped(ten: Path) -> None:
    with_failures(ten, "0279")
    server = BulkServer(fails=fails_if("q0", EngineFailure("Broken.")), dies_after=2)
    with pytest.raises(KeyboardInterrupt):
        bulk(ten, server, retry=True)
    server.dies_after = None
    assert bulk(ten, server, retry=True).num_failed == 1
    assert server.computed == ["q0", "q2", "q7", "q9"]


def test_a_first_run_that_is_not_over_keeps_no_answer_of_another_question_for_a_retry(ten: Path) -> None:
    begun(ten, 4)
    with pytest.raises(BulkError, match="none would be kept and 4 would be asked anew"):
        bulk(ten, BulkServer(), prompt="Say {{ q }}", retry=True)


def test_what_fails_again_can_be_asked_again_and_again(ten: Path) -> None:
    with_failures(ten, "279")
    with_failures(ten, "27", retry=True)
    assert [row["q"] for row in read(ten.with_name("out.failed.jsonl"))] == ["q2", "q7"]
    with_failures(ten, "7", retry=True)
    bulk(ten, BulkServer(), retry=True)
    assert answers(ten) == [f"Q{n}" for n in range(10)]


def test_a_retry_of_rows_that_were_corrected_in_the_input_keeps_the_others(ten: Path) -> None:
    with_failures(ten)
    write(ten, [{"q": "better"} if row["q"] in ("q2", "q7") else row for row in TEN])
    server = BulkServer()
    bulk(ten, server, retry=True)
    assert server.computed == ["better", "better"]
    assert answers(ten)[2] == "BETTER"


def test_an_output_that_another_command_has_just_made_is_not_made_anew(
    ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(ten, 4)
    read_note, others = folder.read, [True]

    def read_before_it_ends(path: Path) -> folder.Note | None:
        note = read_note(path)
        if others:
            others.clear()
            with_failures(ten, "7")
        return note

    monkeypatch.setattr(folder, "read", read_before_it_ends)
    server = BulkServer()
    with pytest.raises(BulkError, match="exists already"):
        bulk(ten, server)
    assert server.computed == []


def test_a_retry_of_another_input_is_refused(ten: Path) -> None:
    with_failures(ten)
    write(ten, TEN[1:])
    with pytest.raises(BulkError, match="none would be kept, 7 would be asked anew and 1 would not"):
        bulk(ten, BulkServer(), retry=True)
    assert len(answers(ten)) == 8


@pytest.mark.parametrize("failed", ["27", "0123456789"], ids=["some", "all"])
def test_a_retry_with_a_wrong_setting_is_refused_and_the_corrected_one_goes(ten: Path, failed: str) -> None:
    with_failures(ten, failed)
    with pytest.raises(Refused):
        bulk(ten, BulkServer(refuses=refuses_setting("foo")), options={"foo": 1}, retry=True)
    server = BulkServer()
    bulk(ten, server, retry=True)
    assert server.computed == [f"q{n}" for n in failed]


def test_an_output_that_was_taken_away_is_made_anew(ten: Path) -> None:
    with_failures(ten)
    ten.with_name("out.jsonl").unlink()
    server = BulkServer()
    bulk(ten, server, prompt="Say {{ q }}")
    assert len(server.computed) == 10


class Killed(BaseException):
    """Raised where the command is killed."""


@pytest.mark.parametrize("at", range(6))
def test_a_command_killed_at_any_write_of_a_retry_loses_nothing_and_asks_nothing_twice(
    ten: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    with_failures(ten)
    server, left = BulkServer(), at
    replace = folder.replacing

    def dying(*given: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return replace(*given)

    with monkeypatch.context() as patched:
        for module in (folder, resume, assemble):
            patched.setattr(module, "replacing", dying)
        try:
            bulk(ten, server, retry=True)
        except Killed:
            assert len(answers(ten)) in (8, 10), "the output is whole"
            left = 100
            bulk(ten, server, retry=True)
    assert server.computed == ["q2", "q7"]
    assert answers(ten) == [f"Q{n}" for n in range(10)]


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (
            "Classify {q}.",
            "it asks the same about every row. {{ q }}",
        ),
        ("Hello.", "{{ q }} stands for the column 'q'."),
        ('{{ row["q"] }}', ""),
        ("{{ q }}", ""),
    ],
)
def test_a_prompt_that_asks_the_same_of_every_row_is_remarked(
    ten: Path, capsys: pytest.CaptureFixture[str], prompt: str, said: str
) -> None:
    bulk(ten, BulkServer(), prompt=prompt)
    shown = capsys.readouterr().err
    assert said in shown
    assert ("names no column" in shown) is bool(said)


def test_the_first_row_that_failed_is_told_with_its_reason_also_after_a_stop(ten: Path) -> None:
    too_long = ContextLengthExceeded("It is too long.")
    fails = fails_if("q3", too_long)
    assert bulk(ten, BulkServer(fails=fails)).first_failure == "row 4: context_length_exceeded: It is too long."
    assert bulk(ten, BulkServer(), output="well.jsonl").first_failure == ""
    with pytest.raises(KeyboardInterrupt):
        bulk(ten, BulkServer(fails=fails, dies_after=6), output="stopped.jsonl")
    assert bulk(ten, BulkServer(), output="stopped.jsonl").first_failure.startswith("row 4: context_length_exceeded")
