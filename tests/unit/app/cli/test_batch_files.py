"""Which files `caravan batches create` takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from app.cli.batch_files import endpoint_of, errors_path

CHAT = "/v1/chat/completions"


def line(**changes: Any) -> str:
    return json.dumps({"custom_id": "a", "method": "POST", "url": CHAT, "body": {}} | changes)


def test_the_lines_say_the_endpoint(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(f"{line()}\n\n{line(custom_id='b')}", "utf-8-sig")
    assert endpoint_of(path) == CHAT


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty. A batch file has a line of JSON for each request; for the rows of a data set"),
        ("id,text\n1,x\n", "line 1, is not JSON"),
        ("[1]\n", "line 1, is not a JSON object"),
        ("[" * 100_000, "line 1, is not JSON"),
        ('{"text": "x"}\n', "line 1, lacks custom_id, method, url, body"),
        (f"{line()}\n{line(url='/v1/embeddings')}\n", "line 2, has the url '/v1/embeddings', and the lines before it"),
        (line(url=3), "line 1, has a url that is no text"),
        ("\xff", "line 1, is not JSON"),
    ],
)
def test_a_file_that_is_no_batch_is_refused_with_the_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(click.ClickException, match=r"in\.jsonl") as refused:
        endpoint_of(path)
    assert told in refused.value.message


def test_failed_lines_go_to_a_file_beside_the_output() -> None:
    assert errors_path(Path("a/out.jsonl")) == Path("a/out.errors.jsonl")
