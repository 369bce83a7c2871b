from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.cli.up.gpus import Gpus
from tasks.models.entry import ModelEntry
from tasks.settings import Settings


def entry(**keys: Any) -> ModelEntry:
    return ModelEntry(path="demo", **keys)


def seen(gpus: Gpus, worker: str, **keys: Any) -> str | None:
    return gpus.environment(worker, entry(**keys)).get("CUDA_VISIBLE_DEVICES")


def test_each_worker_gets_the_gpu_with_the_fewest_workers_and_keeps_it() -> None:
    gpus = Gpus(["0", "3"])
    assert [seen(gpus, name) for name in ("a-1", "a-2", "b-1", "b-2", "a-1", "b-1")] == ["0", "3", "0", "3", "0", "0"]


def test_a_model_that_was_added_later_gets_one_as_well() -> None:
    assert Gpus(["0"]).environment("new-1", None) == {"CUDA_VISIBLE_DEVICES": "0"}


@pytest.mark.parametrize("keys", [{"gpu_layers": 0}, {"main_gpu": 1}, {"tensor_split": [3, 1]}])
def test_who_has_no_layers_on_a_gpu_or_says_on_which_sees_all(keys: dict[str, Any]) -> None:
    gpus = Gpus(["0", "1"])
    assert seen(gpus, "a-1", **keys) is None
    assert seen(gpus, "b-1") == "0"


def test_without_layers_on_gpus_or_without_gpus_nothing_is_told() -> None:
    assert seen(Gpus(["0"], layers=0), "a-1") is None
    assert seen(Gpus(["0"], layers=0), "b-1", gpu_layers=2) == "0"
    assert seen(Gpus(), "a-1") is None


@pytest.mark.parametrize(
    ("given", "taken"), [("", ""), ("0", "0"), (" 0, 1", "0,1"), ("GPU-1a2b,MIG-3", "GPU-1a2b,MIG-3")]
)
def test_the_setting_names_gpus_with_commas_between_them(given: str, taken: str) -> None:
    assert Settings(gpus=given).gpus == taken


@pytest.mark.parametrize("given", [",", "0,", "0,0", "all", "-1", "0;1", "GPU-"])
def test_anything_else_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="such as 0,1"):
        Settings(gpus=given)
