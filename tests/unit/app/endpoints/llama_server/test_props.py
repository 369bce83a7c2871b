"""A model and its slots as llama-server shows them."""

from __future__ import annotations

from app.endpoints.llama_server.props import props, slots
from tasks.ledger.overview import WorkerOverview
from tasks.models.catalogue import ModelEntry

ENTRY = ModelEntry.model_validate(
    {"path": "/models/small/q4.gguf", "slots": 2, "context": 512, "sampling": {"temperature": 0.5, "max_tokens": 9}}
)


def worker(busy: int = 0, **figures: float) -> WorkerOverview:
    return WorkerOverview("w", "small", {"slots": 2, "busy": busy, **figures})


def test_properties_are_the_entrys_and_the_smallest_context() -> None:
    made = props("small", ENTRY, [worker(context=256), worker()], None)
    settings = made["default_generation_settings"]
    assert (settings["n_ctx"], settings["params"]["temperature"], settings["params"]["n_predict"]) == (256, 0.5, 9)
    assert (made["model_path"], made["is_sleeping"], made["chat_template"]) == ("q4.gguf", False, "")


def test_a_model_without_workers_sleeps_and_has_no_slots() -> None:
    made = props("small", ENTRY, [], None)
    assert (made["is_sleeping"], made["default_generation_settings"]["n_ctx"]) == (True, 512)
    assert slots(ENTRY, []) == []


def test_so_many_slots_of_each_worker_are_busy_as_it_says() -> None:
    made = slots(ENTRY, [worker(busy=1, context=256), worker(busy=2)])
    assert [slot["is_processing"] for slot in made] == [True, False, True, True]
    assert [slot["id"] for slot in made] == [0, 1, 2, 3]
    assert {slot["n_ctx"] for slot in made} == {256}
