"""`caravan models bench` with the demo model, in figures that nobody compares."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from app.cli import main


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["models", "bench", "--seconds", "0.1", *arguments])


def test_threads_and_the_curve_are_measured(tmp_path: Path) -> None:
    models = tmp_path / "models.yaml"
    models.write_text("models:\n  small: {path: demo, slots: 3, context: 256}\n")
    told = json.loads(bench("small", "--models", str(models), "--json").stdout)
    threads, curve = ([each for each in told["speeds"] if each["part"] == part] for part in ("threads", "curve"))
    assert {each["streams"] for each in threads} == {1, 3}
    assert [each["streams"] for each in curve] == [1, 2, 3]
    assert all(each["tokens_per_second"] > 0 for each in told["speeds"])
    assert told["best"]["threads"] in {each["threads"] for each in threads}
    batches = {each["batch_tokens"] for each in told["speeds"] if each["part"] == "batch"}
    assert batches == {128, 256}
    assert told["best"]["batch_tokens"] in batches


def test_a_model_that_cannot_be_measured_is_told(tmp_path: Path) -> None:
    page = tmp_path / "page.gguf"
    page.write_text("<html>")
    assert f"{page} is not a GGUF file: download it again" in bench(str(page)).output
    models = tmp_path / "models.yaml"
    models.write_text("models:\n  vectors: {path: demo, kind: embedding, context: 256}\n")
    assert "vectors is of kind embedding" in bench("vectors", "--models", str(models)).output
