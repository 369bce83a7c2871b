"""Which of the measured settings are the best."""

from __future__ import annotations

import pytest

from tasks.models.catalogue import ModelEntry
from tasks.models.plan.speeds import Kind, Part, Speed, batch_sizes, best_batch, best_threads, thread_counts


def speed(part: Part, rate: float, *, threads: int = 2, batch: int = 512) -> Speed:
    kind: Kind = "decode" if part == "curve" else "prefill"
    return Speed(part=part, kind=kind, threads=threads, streams=1, batch_tokens=batch, tokens_per_second=rate)


@pytest.mark.parametrize(("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_powers_of_two_and_all_cores_are_tried(cores: int, counts: list[int]) -> None:
    assert thread_counts(cores) == counts


def test_threads_are_the_best_for_all_that_is_measured() -> None:
    measured = [
        *(speed("threads", rate, threads=2) for rate in (100, 50, 80)),
        *(speed("threads", rate, threads=4) for rate in (180, 55, 90)),
        *(speed("threads", rate, threads=8) for rate in (200, 20, 60)),
        speed("curve", 900, threads=2),
    ]
    assert best_threads(measured) == 4


def test_who_is_near_the_best_and_takes_less_is_chosen() -> None:
    assert best_threads([speed("threads", 98, threads=2), speed("threads", 100, threads=4)]) == 2


@pytest.mark.parametrize(
    ("slots", "context", "sizes"),
    [
        (16, 1024, [128, 256, 512, 1024]),
        (16, 64, [128]),
        (128, 300, [128, 256]),
        (16, 100_000, [128, 256, 512, 1024, 2048]),
    ],
)
def test_steps_are_tried_that_prompts_fill(slots: int, context: int, sizes: list[int]) -> None:
    assert batch_sizes(ModelEntry(path="demo", slots=slots, context=context)) == sizes


def test_of_steps_that_are_as_fast_the_shortest_is_chosen() -> None:
    measured = [speed("batch", rate, batch=size) for rate, size in ((700, 128), (980, 256), (1000, 512), (990, 1024))]
    assert best_batch([*measured, speed("threads", 2000, batch=64)]) == 256
