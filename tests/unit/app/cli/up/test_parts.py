"""What `caravan up` shows of the parts of a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from app.cli.up.parts import Part, State, failed_models, lines, worker_states
from app.cli.up.programs import Cluster
from tasks.models.catalogue import Catalogue, ModelEntry

LOADED = {"id": "a", "state": "loaded", "workers": [{"name": "a-1", "slots": 4}]}
LOADING = {
    "id": "b",
    "state": "loading",
    "starting": [{"name": "b-1", "state": "loading", "phase": "loading", "progress": 0.42}],
}
PROVING = {"id": "c", "state": "loading", "starting": [{"name": "c-1", "state": "loading", "phase": "prefill"}]}
FAILED = {
    "id": "d",
    "state": "failed",
    "reason": "It died.",
    "starting": [{"name": "d-1", "state": "failed", "phase": "prefill", "reason": "It died in prefill."}],
}

MOST_LINES = 15
ANSWER_LINES = 2


def workers(*states: State, model: str = "m") -> list[Part]:
    return [Part(f"{model}-{n}", f"model {model}", state, model=model) for n, state in enumerate(states, 1)]


def shown(parts: Sequence[Part]) -> list[str]:
    return [f"{part.name}: {part.text}" for part in lines(parts)]


def test_states_of_workers_are_those_that_the_api_tells() -> None:
    assert worker_states([LOADED, LOADING, PROVING, FAILED]) == {
        "a-1": ("ready", ""),
        "b-1": ("loading", "42%"),
        "c-1": ("starting", "prefill"),
        "d-1": ("failed", "It died in prefill."),
    }
    assert failed_models([LOADED, LOADING, FAILED]) == {"d": "It died."}


def test_an_api_that_tells_less_is_no_trouble() -> None:
    assert worker_states([{"id": "a", "state": "asleep"}]) == {}
    assert failed_models([{"id": "a"}, {"id": "b", "state": "failed"}]) == {"b": ""}


def test_a_part_is_shown_by_its_state_and_what_it_is_or_what_is_the_matter() -> None:
    assert Part("web", "the API", "ready").text == "ready     the API"
    assert Part("a-1", "model a", "loading", "42%").text == "loading: 42%"
    assert Part("a-1", "model a", "failed", "It died.").text == "failed: It died."


def test_a_few_workers_have_a_line_each() -> None:
    parts = [Part("web", "the API"), *workers("ready", "starting", "failed"), Part("clerk", "c")]
    assert [part.name for part in lines(parts)] == ["web", "m-1", "m-2", "m-3", "clerk"]


def test_many_workers_have_a_line_a_model() -> None:
    parts = [
        Part("web", "the API"),
        *workers("ready", "starting", "ready", model="a"),
        *workers("ready", "ready", model="b"),
        Part("clerk", "c"),
    ]
    assert shown(parts)[1:3] == ["a: starting  2 of 3 workers", "b: ready     2 of 2 workers"]


def test_workers_of_many_models_have_one_line_which_tells_the_worst() -> None:
    parts = [part for model in "abcde" for part in workers("ready", model=model)]
    assert shown(parts) == ["workers: ready     5 of 5 workers"]
    parts[2] = Part("c-1", "model c", "failed", "It died.", model="c")
    assert shown(parts) == ["workers: failed: 4 of 5 workers are ready; c-1: It died."]


def test_a_start_is_fifteen_lines_however_many_workers_there_are() -> None:
    for models in range(1, 8):
        for each in range(1, 8):
            entry = ModelEntry(path="demo", workers={"min": each, "max": each})
            catalogue = Catalogue({f"m{n}": entry for n in range(models)})
            cluster = Cluster(catalogue=catalogue, host="::1", port=80, flower_port=81)
            assert len(lines(cluster.parts())) + len(cluster.addresses()) + ANSWER_LINES <= MOST_LINES
            assert cluster.addresses()[2] == "  API     http://[::1]:80"


def test_a_cluster_without_flower_shows_none_and_runs_none() -> None:
    catalogue = Catalogue({"m": ModelEntry(path="demo")})
    cluster = Cluster(catalogue=catalogue, host="127.0.0.1", port=80, flower_port=None)
    assert [part.name for part in cluster.parts()] == ["redis", "web", "m-1", "clerk"]
    assert not any("Flower" in line for line in cluster.addresses())
