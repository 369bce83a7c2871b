"""Which of the measured settings are the best."""

from __future__ import annotations

import pytest

from tasks.models.plan.speeds import Kind, Part, Speed, best_threads, thread_counts


def speed(part: Part, rate: float, *, threads: int = 2, streams: int = 1) -> Speed:
    kind: Kind = "decode" if part == "curve" else "prefill"
    return Speed(part=part, kind=kind, threads=threads, streams=streams, tokens_per_second=rate)


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
