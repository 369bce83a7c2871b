"""Options of `caravan bulk run` that cannot be meant, refused before any cluster is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main

NO_CLUSTER = "http://127.0.0.1:9"


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("text\na\nb\n")
    Path("rows.jsonl").write_text('{"text": "a"}\n')
    Path("blank.txt").write_text("\n")
    return Path("rows.csv")


def bulk(*options: str, source: str = "rows.csv", output: str = "out.csv") -> Result:
    given = [] if "--prompt" in options or "--prompt-file" in options else ["--prompt", "{{ text }}"]
    arguments = ["bulk", "run", source, "-m", "demo", "-o", output, *given, *options]
    return CliRunner().invoke(main, arguments, env={"CARAVAN_URL": NO_CLUSTER})


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--column", ""], "--column is empty: name the column for the answers."),
        (["--prompt", " "], "The prompt of --prompt is empty: say what to ask."),
        (["--prompt-file", "blank.txt"], "The prompt of blank.txt is empty: say what to ask."),
        (["--format", "csv"], "--format is for standard input: give - for INPUT, or leave --format out."),
    ],
)
def test_an_option_that_means_nothing_is_refused(options: list[str], said: str) -> None:
    refused = bulk(*options)
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (2, f"Error: {said}")


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("source", "output", "options", "said"),
    [
        ("rows.csv", "none/out.csv", [], "There is no folder none: make it, or give another -o."),
        ("rows.csv", "rows.csv", [], "rows.csv is the input, and would be overwritten. Give another -o."),
        ("rows.csv", "rows.csv", ["--restart"], "rows.csv is the input, and would be overwritten. Give another -o."),
        ("rows.csv", "rows.jsonl", [], "rows.jsonl exists already. Give another -o, or --restart to make it anew."),
        (
            "rows.jsonl",
            "out.csv",
            ["--delimiter", ";"],
            "--delimiter is for CSV, and rows.jsonl is none",
        ),
        ("blank.txt", "out.csv", [], "Or give - for INPUT, --format, and pipe it in."),
    ],
)
def test_a_file_that_cannot_be_meant_is_told_with_what_to_give(
    source: str, output: str, options: list[str], said: str
) -> None:
    refused = bulk(*options, source=source, output=output)
    assert refused.exit_code == 1
    assert said in refused.stderr
    assert not Path("out.csv.progress").exists()
    assert Path("rows.csv").read_text() == "text\na\nb\n"


@pytest.mark.usefixtures("rows")
def test_standard_input_is_named_as_such(tmp_path: Path) -> None:
    arguments = ["bulk", "run", "-", "-m", "demo", "-o", "out.csv", "--prompt", "{{ text }}", "--url", NO_CLUSTER]
    refused = CliRunner().invoke(main, arguments, input="text\na\n")
    assert "Error: standard input (--format jsonl), line 1, is not JSON" in refused.stderr
    refused = CliRunner().invoke(main, [*arguments, "--format", "csv"], input="text\na,b\n")
    assert "Error: standard input (--format csv), line 2, has 2 fields" in refused.stderr
