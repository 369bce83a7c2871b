"""`caravan models plan` with real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tasks.models import gguf
from tasks.models.catalogue import DEMO, gguf_path
from tests.support.demo_adapters import ENDS, GREETS

GIB = 1 << 30


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["models", "plan", *arguments])


def test_a_models_plan_has_its_entry() -> None:
    told = json.loads(plan("demo", "--ram", "1G", "--users", "8", "--json").output)
    assert told["fits"]
    assert told["entry"]["demo"]["slots"] == 8
    assert told["bytes"]["in_memory"] < GIB
    assert told["machine"]["memory"] == GIB


def test_a_file_needs_no_catalogue_and_has_a_name_for_one(tmp_path: Path) -> None:
    path = tmp_path / "_My Model (ü).gguf"
    path.write_bytes(gguf_path(DEMO).read_bytes())
    ended = plan(str(path), "--gpu", "1GiB", "--context", "1024")
    assert ended.exit_code == 0
    assert f"  My-Model-:\n    path: {path}\n    slots: 16\n    context: 1024\n" in ended.output
    assert "all layers" in ended.output


def test_the_status_is_1_if_it_does_not_fit() -> None:
    ended = plan("demo", "--ram", "64M")
    assert ended.exit_code == 1
    assert "It does not fit" in ended.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nope",), "There is no file nope. There is no model 'nope'. Without a models.yaml Caravan has: demo."),
        (("demo", "--ram", "much"), "'much' is no size: write a number with M, G or T, such as 24G"),
        (("demo", "--context", "9999999"), "the model was trained for 1024 tokens"),
        (("demo", "--users", "129"), "129 is not in the range 1<=x<=128"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: tuple[str, ...], words: str) -> None:
    ended = plan(*arguments)
    assert ended.exit_code in (1, 2)
    assert words in ended.output


def test_a_fault_of_the_catalogue_is_told_alone(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("models:\n  a:\n    path: demo\n    slot: 3\n")
    ended = plan("a", "--models", str(path))
    assert ended.exit_code == 1
    assert ended.output.startswith(f"Error: {path}, line 4: ")


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    path.write_text("<html>")
    ended = plan(str(path))
    assert ended.exit_code == 1
    assert f"{path} is not a GGUF file: download it again" in ended.output


def test_a_fake_model_and_one_that_is_not_here_are_told(tmp_path: Path) -> None:
    models = tmp_path / "models.yaml"
    models.write_text("models:\n  fake: {path: fake}\n  far: {path: far.gguf}\n")
    assert "fake is a fake model" in plan("fake", "--models", str(models)).output
    assert f"far is not here: there is no file {tmp_path / 'far.gguf'}." in plan("far", "--models", str(models)).output


def test_adapters_are_counted_and_stay_in_the_entry(tmp_path: Path) -> None:
    models = tmp_path / "models.yaml"
    adapters = {"greets": str(GREETS), "ends": str(ENDS)}
    models.write_text(json.dumps({"models": {"demo": {"path": "demo", "adapters": adapters}}}))
    alone, adapted = (
        json.loads(plan("demo", *where, "--ram", "1G", "--json").output) for where in ([], ["--models", str(models)])
    )
    assert adapted["bytes"]["weights"] - alone["bytes"]["weights"] == sum(map(gguf.weights_bytes, (GREETS, ENDS)))
    assert {name: each["path"] for name, each in adapted["entry"]["demo"]["adapters"].items()} == adapters
