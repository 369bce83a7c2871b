"""Which workers start and stop, in tables; and over time, in clusters that are simulated."""

from __future__ import annotations

from math import inf

import pytest

from app.cli.up.scaling.situation import Memory, Model
from tests.unit.app.cli.up.scaling.situations import MIB, Simulated, Simulation, decided, model, told, worker

READY = worker("a-1", started_ago=100.0, ready_ago=95.0)
FRESH = worker("a-1", held=4, started_ago=10.0, ready_ago=5.0)
BUSY = worker("a-1", held=4, started_ago=100.0, ready_ago=95.0)
STARTING = worker("a-1", "starting", started_ago=1.0)
DRAINING = worker("a-1", "draining", held=1)
STARVED = Memory(starving={"b": 990.0})


@pytest.mark.parametrize(
    ("models", "decisions"),
    [
        ([model()], []),
        ([model(waiting=1)], ["start a-1"]),
        ([model(min=2)], ["start a-1", "start a-2"]),
        ([model(asked="load", wanted=True)], ["start a-1"]),
        ([model(waiting=9)], ["start a-1"]),
        ([model(waiting=9, job_seconds=60.0)], ["start a-1", "start a-2", "start a-3"]),
        ([model(waiting=9, workers=[BUSY])], ["start a-2", "start a-3"]),
        ([model(waiting=9, job_seconds=60.0, workers=[STARTING])], ["start a-2", "start a-3"]),
        ([model(waiting=1, workers=[DRAINING])], ["start a-2"]),
        ([model(workers=[DRAINING])], []),
        ([model(workers=[READY], keep_alive=5.0)], ["stop a-1"]),
        ([model(workers=[STARTING], used_ago=6.0, keep_alive=5.0)], []),
        ([model(workers=[READY], min=1)], []),
        ([model(workers=[READY], used_ago=3.0, keep_alive=5.0)], []),
        ([model(workers=[READY], used_ago=6.0, keep_alive=5.0)], ["stop a-1"]),
        ([model(workers=[READY, worker("a-2")], min=1)], ["stop a-2"]),
        ([model(workers=[worker("a-1"), worker("a-2", held=1)], running=1)], ["stop a-1"]),
        ([model(workers=[READY], min=1, asked="unload")], ["stop a-1"]),
        ([model(workers=[BUSY], running=4, asked="unload")], ["stop a-1"]),
    ],
)
def test_without_a_limit_workers_follow_what_is_needed(models: list[Model], decisions: list[str]) -> None:
    assert told(*models) == decisions


@pytest.mark.parametrize(
    ("holder", "asking", "memory", "decisions"),
    [
        # A model without jobs makes room at once, and the other starts when it has gone.
        (model(workers=[READY], used_ago=5.0), model("b", waiting=1), Memory(), ["evict a-1"]),
        (model(workers=[READY], used_ago=5.0, min=1), model("b", waiting=1), Memory(), ["evict a-1"]),
        (model(workers=[DRAINING]), model("b", waiting=1), Memory(), []),
        # But not for a moment between two jobs, unless it has had its turn.
        (model(workers=[worker("a-1", ready_ago=5.0)], used_ago=1.0), model("b", waiting=1), Memory(), []),
        (model(workers=[READY], used_ago=1.0), model("b", waiting=1), Memory(), ["evict a-1"]),
        # One with jobs keeps its room for its turn, and gives way then.
        (model(workers=[FRESH], running=4), model("b", waiting=1), STARVED, []),
        (model(workers=[STARTING], waiting=4), model("b", waiting=1), STARVED, []),
        (model(workers=[BUSY], running=4), model("b", waiting=1), Memory(), []),
        (model(workers=[BUSY], running=4), model("b", waiting=1), STARVED, ["evict a-1"]),
        (model(workers=[BUSY], running=4, priority=9), model("b", waiting=1), STARVED, ["evict a-1"]),
        # Nobody leaves for a model without jobs, but for one that somebody loads; and then idle ones alone.
        (model(workers=[READY], used_ago=5.0, min=1), model("b", min=1), Memory(), []),
        (model(workers=[READY], used_ago=5.0), model("b", wanted=True), Memory(), []),
        (model(workers=[READY], used_ago=5.0), model("b", wanted=True, asked="load"), Memory(), ["evict a-1"]),
        (model(workers=[BUSY], running=4), model("b", wanted=True, asked="load"), STARVED, []),
        # Nor for one that cannot be served; such a one leaves.
        (model(workers=[READY], used_ago=5.0), model("b", waiting=1, failing=True), STARVED, []),
        (model(workers=[READY], failing=True, waiting=3), model("b", waiting=1), Memory(), ["evict a-1"]),
    ],
)
def test_where_there_is_room_for_one_models_make_room(
    holder: Model, asking: Model, memory: Memory, decisions: list[str]
) -> None:
    made = told(holder, asking, budget=149 * MIB, memory=memory)
    assert [each for each in made if not each.startswith("stop")] == decisions


def test_the_least_needed_leaves_first() -> None:
    def idle(name: str, **fields: float) -> Model:
        return model(name, workers=[worker(f"{name}-1", ready_ago=500.0)], min=1, **{"used_ago": 60.0, **fields})

    asking = model("z", waiting=1)
    models = [idle("a"), idle("b", used_ago=90.0), idle("c", priority=1, used_ago=900.0)]
    assert told(*models, asking, budget=300 * MIB) == ["evict b-1"]
    models = [idle("a", priority=2), idle("b", priority=2, used_ago=90.0), idle("c", priority=1)]
    assert told(*models, asking, budget=300 * MIB) == ["evict c-1"]


def test_nobody_leaves_if_that_is_not_enough() -> None:
    idle = model("c", workers=[worker("c-1")], min=1, bytes=20 * MIB)
    busy = model("a", workers=[FRESH], running=4)
    assert told(idle, busy, model("b", waiting=1), budget=149 * MIB) == []


def test_no_more_leave_than_must() -> None:
    small = model("a", workers=[worker("a-1")], min=1, bytes=10 * MIB, used_ago=99.0)
    large = model("b", workers=[worker("b-1")], min=1, bytes=100 * MIB, used_ago=9.0)
    asking = model("z", waiting=1, bytes=100 * MIB)
    assert told(small, large, asking, budget=110 * MIB) == ["evict b-1"]


def test_workers_beside_others_leave_before_the_last_of_a_model() -> None:
    crew = [worker("a-1", held=4, ready_ago=500.0), worker("a-2", held=1), worker("a-3", held=4)]
    busy = model("a", workers=crew, running=9, waiting=3)
    assert told(busy, model("b", waiting=1), budget=300 * MIB, memory=STARVED) == ["evict a-2"]
    assert told(busy, model("b", waiting=1), budget=300 * MIB) == []


def test_more_workers_of_a_model_push_out_only_what_was_not_used_for_long() -> None:
    growing = model("a", workers=[BUSY], waiting=20, running=4, max=2)
    for fields, decisions in (
        ({"used_ago": 60.0}, ["evict b-1"]),
        ({"used_ago": 10.0}, []),
        ({"used_ago": 60.0, "min": 1}, []),
        ({"used_ago": 60.0, "priority": 1}, []),
        ({"running": 1, "used_ago": 0.0}, []),
    ):
        other = model("b", workers=[worker("b-1", ready_ago=90.0)], **fields)
        assert told(growing, other, budget=200 * MIB, memory=STARVED) == decisions, fields


def test_room_that_is_promised_goes_to_nobody_else() -> None:
    leaving = model("a", workers=[DRAINING], waiting=3, priority=9)
    memory = Memory(promised=frozenset({"b"}), starving={"a": 999.0, "b": 995.0})
    made = decided(leaving, model("b", waiting=1), budget=149 * MIB, memory=memory)
    assert not made.decisions
    assert made.memory.promised == {"b"}
    gone = model("a", waiting=3, priority=9)
    assert told(gone, model("b", waiting=1), budget=149 * MIB, memory=memory) == ["start b-1"]


def test_workers_that_take_more_than_was_thought_leave() -> None:
    models = [model("a", workers=[BUSY], running=4), model("b", workers=[worker("b-1")], min=1)]
    made = decided(*models, budget=150 * MIB)
    assert [each.text for each in made.decisions] == ["b-1 makes room: all workers take 200 MiB, and may take 150 MiB."]


def test_the_last_worker_of_a_model_with_jobs_leaves_only_if_they_take_far_too_much() -> None:
    models = [model("a", workers=[BUSY], running=4), model("b", workers=[worker("b-1", "starting")], waiting=3)]
    assert told(*models, budget=190 * MIB) == []
    assert told(*models, budget=150 * MIB) == ["evict b-1"]


def test_a_model_that_can_never_fit_says_what_it_takes() -> None:
    made = decided(model(waiting=1, parts="weights 90 MiB"), budget=50 * MIB)
    assert made.decisions == ()
    assert made.too_large["a"].startswith("One worker of it takes 100 MiB (weights 90 MiB), and the workers of all")
    assert "CARAVAN_MEMORY_BUDGET" in made.too_large["a"]
    assert told(model(workers=[READY], running=1), budget=50 * MIB) == ["stop a-1"]


def test_a_model_that_waits_for_room_says_so() -> None:
    made = decided(model(workers=[FRESH], running=4), model("b", waiting=1), budget=150 * MIB)
    assert made.waits == {"b": "It waits for room: a worker takes 100 MiB, and 50 MiB of 150 MiB are free."}


def test_an_unloaded_model_sleeps_until_a_job_or_somebody_asks_for_it() -> None:
    memory = decided(model(workers=[BUSY], min=1, running=4, asked="unload")).memory
    draining = model(workers=[worker("a-1", "draining", held=4)], min=1, running=4)
    made = decided(draining, memory=memory)
    assert not made.decisions
    assert made.memory.resting == {"a"}
    assert told(model(min=1), memory=memory) == []
    assert told(model(min=1, waiting=1), memory=memory) == ["start a-1"]
    assert told(model(min=1, asked="load"), memory=memory) == ["start a-1"]
    assert decided(model(min=1, waiting=1), memory=memory).memory.resting == frozenset()


def test_decisions_are_sentences() -> None:
    made = decided(model(waiting=500, job_seconds=0.2, workers=[BUSY], running=4, max=2))
    assert [each.text for each in made.decisions] == ["a-2 starts: 500 jobs wait 25 s for 1 x 4 slots."]
    made = decided(model(workers=[READY], used_ago=5.0), model("b", waiting=1), budget=149 * MIB)
    assert [each.text for each in made.decisions] == [
        "a-1 makes room: b needs it: 1 job waits, a worker takes 100 MiB, and 49 MiB of 149 MiB are free."
    ]
    made = decided(model(workers=[READY], keep_alive=5.0))
    assert [each.text for each in made.decisions] == ["a-1 stops: no job came for 5 s (keep_alive)."]


def test_a_backlog_raises_a_model_to_its_most_and_back_without_flapping() -> None:
    cluster = Simulation(Simulated(model(min=1, keep_alive=5.0), job_seconds=0.5))
    for _ in range(10):
        cluster.step()
    cluster.models["a"].jobs = 500
    for _ in range(150):
        cluster.step()
    assert cluster.models["a"].jobs == 0
    assert (cluster.count("start"), cluster.count("stop")) == (3, 2)


def test_uneven_load_does_not_flap() -> None:
    cluster = Simulation(Simulated(model(min=1, max=4), job_seconds=2.0))
    for second in range(600):
        cluster.models["a"].jobs += 40 if second % 7 == 0 else 0
        cluster.step()
    assert cluster.count("stop") <= 2


def test_two_models_under_constant_load_take_turns_in_the_same_room() -> None:
    cluster = Simulation(
        Simulated(model("a", priority=5), job_seconds=1.0), Simulated(model("b"), job_seconds=1.0), budget=150 * MIB
    )
    longest = dict.fromkeys("ab", 0.0)
    served_at = dict.fromkeys("ab", cluster.now)
    for _ in range(1200):
        for each in cluster.models.values():
            each.jobs = max(each.jobs, 50)
        before = {name: each.done for name, each in cluster.models.items()}
        cluster.step()
        for name, each in cluster.models.items():
            if each.done > before[name]:
                served_at[name] = cluster.now
            longest[name] = max(longest[name], cluster.now - served_at[name])
    assert max(longest.values()) < 60
    assert cluster.count("evict") < 1200 / 30 + 1
    shares = [each.done for each in cluster.models.values()]
    assert min(shares) > 0.8 * max(shares)


def test_many_models_in_little_room_lose_no_job_and_all_get_their_turn() -> None:
    names = "abcdef"
    cluster = Simulation(
        *(Simulated(model(name, bytes=(60 + 30 * at) * MIB), job_seconds=0.5) for at, name in enumerate(names)),
        budget=300 * MIB,
    )
    for second in range(2000):
        if second < 400:
            cluster.models[names[second % 6]].jobs += 3
        cluster.step()
    assert {name: each.jobs for name, each in cluster.models.items()} == dict.fromkeys(names, 0)
    assert {name: each.done for name, each in cluster.models.items()} == {n: cluster.models[n].done for n in names}
    assert sum(each.done for each in cluster.models.values()) == pytest.approx(1200)


def test_a_model_with_a_least_number_comes_back_when_there_is_room() -> None:
    cluster = Simulation(
        Simulated(model("a", min=1, max=1)), Simulated(model("b", max=1, keep_alive=5.0)), budget=150 * MIB
    )
    for second in range(120):
        if second == 20:
            cluster.models["b"].jobs = 20
        cluster.step()
    assert [f"{each.action} {each.worker}" for each in cluster.log] == [
        "start a-1", "evict a-1", "start b-1", "stop b-1", "start a-1",
    ]  # fmt: skip


def test_an_unlimited_budget_is_no_limit() -> None:
    assert told(model(waiting=99, max=50, bytes=1 << 60, job_seconds=60.0), budget=inf)[-1] == "start a-23"
