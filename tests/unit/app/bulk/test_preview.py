"""What is shown of a row before a run."""

from __future__ import annotations

from app.bulk.answer import Answer
from app.bulk.asking import Question, Template
from app.bulk.columns import AnswerColumns
from app.bulk.preview import Previewed, answered


def test_texts_of_several_lines_are_indented_and_do_nothing_to_a_terminal() -> None:
    asks = Question(model="demo", prompt=Template("{{ q }}", "--prompt"), system=Template("Be kind.", "--system"))
    row = Previewed.of({"q": "one\n\x1b[2Jtwo"}, asks)
    assert list(row.asked()) == ["system: Be kind.", "user:", "  one", "  \\x1b[2Jtwo"]
    raw = Previewed.of({"q": "Grüße"}, Question(model="demo", prompt=Template("{{ q }}", "--prompt"), raw=True))
    assert list(raw.asked()) == ["prompt: Grüße"]


def test_a_row_that_cannot_be_asked_says_why_in_place_of_an_answer() -> None:
    row = Previewed.of({}, Question(model="demo", prompt=Template("{{ q }}", "--prompt")))
    assert list(row.asked()) == []
    assert row.failure is not None
    assert list(answered(row.failure, AnswerColumns.of(None, "answer"))) == [
        "failed, template_error: --prompt, line 1, column 1, in {{ q }}: there is no 'q'."
    ]


def test_an_answer_is_shown_in_its_columns() -> None:
    schema = {"type": "object", "properties": {"label": {"type": "string"}, "sure": {"type": "number"}}}
    answer = Answer(text='{"label": "good", "sure": 0.5}', finish_reason="stop", prompt_tokens=4, completion_tokens=2)
    assert list(answered(answer, AnswerColumns.of(schema, "answer"))) == [
        "label: good", "sure: 0.5", "(stop; 4 tokens read, 2 written)",
    ]  # fmt: skip
