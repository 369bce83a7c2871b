"""What differs between two catalogues."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.models.accepted import Accepted
from tasks.models.catalogue import Catalogue, ModelEntry, Workers
from tasks.models.changes import Changes, compare


def entry(**keys: Any) -> ModelEntry:
    return ModelEntry(path="fake", **keys)


def test_equal_catalogues_have_no_changes() -> None:
    found = compare({"a": entry(slots=4)}, {"a": entry(slots=4)})
    assert found == Changes()
    assert not found
    assert found.text == "nothing has changed"


def test_models_come_go_and_change() -> None:
    old = {"a": entry(), "b": entry(), "c": entry(), "d": entry()}
    new = {"a": entry(), "c": entry(slots=4), "f": entry(), "e": entry()}
    found = compare(old, new)
    assert (found.added, found.removed, found.changed) == (("e", "f"), ("b", "d"), ("c",))
    assert found.text == "e and f were added; b and d were removed; c was changed"


@pytest.mark.parametrize(
    ("keys", "renewed"),
    [
        ({"slots": 4}, True),
        ({"context": 512}, True),
        ({"share_prefixes": "all"}, True),
        ({"chat_template": "{{ x }}"}, True),
        ({"path": "demo"}, True),
        ({"aliases": ["x"]}, False),
        ({"tags": ["x"]}, False),
        ({"keep_alive": 5.0}, False),
        ({"priority": 5}, False),
        ({"workers": Workers(min=0, max=2)}, False),
        ({"chat_template_kwargs": {"a": 1}}, False),
    ],
)
def test_workers_are_replaced_where_they_read_what_has_changed(keys: dict[str, Any], renewed: bool) -> None:
    found = compare({"a": entry()}, {"a": ModelEntry(**{"path": "fake", **keys})})
    assert (found.changed, found.renewed) == (("a",), frozenset({"a"} if renewed else ()))
    assert found.replaced == ({"a"} if "path" in keys else set())


def test_a_default_that_is_written_down_changes_nothing() -> None:
    assert not compare({"a": entry()}, {"a": entry(slots=16)})


def test_another_file_at_the_same_path_is_a_change() -> None:
    found = compare({"a": entry(), "b": entry()}, {"a": entry(), "b": entry()}, replaced=["b", "gone"])
    assert (found.changed, found.renewed, found.replaced) == (("b",), frozenset("b"), frozenset("b"))


def test_only_to_begin_with_keeping_answers_other_workers_are_needed() -> None:
    kept, longer, plain = entry(answer_cache=60), entry(answer_cache=90), entry()
    assert compare({"a": plain}, {"a": kept}).renewed == {"a"}
    assert compare({"a": kept}, {"a": longer}).renewed == compare({"a": kept}, {"a": plain}).renewed == frozenset()
    assert compare({"a": kept}, {"a": longer}).changed == ("a",)


def test_what_is_removed_leaves_until_it_comes_back() -> None:
    first = Accepted(Catalogue({"a": entry(), "b": entry()}))
    second = first.followed_by(Catalogue({"a": entry()}))
    assert list(second.leaving) == ["b"]
    third = second.followed_by(Catalogue({"c": entry()}))
    assert sorted(third.leaving) == ["a", "b"]
    fourth = third.followed_by(Catalogue({"a": entry(slots=2), "b": entry(), "c": entry()}))
    assert not fourth.leaving
    assert third.changes_to(fourth).renewed == {"a"}, "its workers may still be there"
