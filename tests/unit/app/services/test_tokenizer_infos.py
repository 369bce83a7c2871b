"""What workers told of their tokenizers is not asked for again while they live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.services.tokenizer_infos import TokenizerInfos
from tasks.ledger.overview import WorkerOverview
from tasks.models.catalogue import ModelEntry

ENTRY = ModelEntry.model_validate({"path": "demo"})
OTHER = ModelEntry.model_validate({"path": "demo", "chat_template": "{{ messages }}"})


def worker(name: str, pid: int) -> WorkerOverview:
    return WorkerOverview(name, "demo", {"pid": float(pid)})


class Asked:
    """Answers with how often it was asked; with None while it is `silent`."""

    def __init__(self) -> None:
        self.times = 0
        self.silent = False

    def __call__(self) -> Mapping[str, Any] | None:
        self.times += 1
        return None if self.silent else {"chat_template": str(self.times)}


def test_new_workers_are_asked_and_those_that_told_are_not() -> None:
    infos, asked = TokenizerInfos(), Asked()

    def told(*workers: WorkerOverview, entry: ModelEntry = ENTRY) -> str | None:
        found = infos.of("demo", entry, workers, asked)
        return None if found is None else str(found["chat_template"])

    first, second, third = worker("a", 1), worker("b", 2), worker("a", 3)
    assert told() is None
    assert asked.times == 0
    assert told(first, second) == told(first, second) == told(second) == told() == "1"
    assert told(third) == told() == "2"
    assert told(entry=OTHER) is None
    assert told(third, entry=OTHER) == "3"


def test_what_was_not_told_is_asked_for_again() -> None:
    infos, asked = TokenizerInfos(), Asked()
    asked.silent = True
    assert infos.of("demo", ENTRY, [worker("a", 1)], asked) is None
    asked.silent = False
    assert infos.of("demo", ENTRY, [worker("a", 1)], asked) == {"chat_template": "2"}
