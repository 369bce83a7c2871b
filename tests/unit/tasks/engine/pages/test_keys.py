"""Pages are found by all that they depend on."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from tasks.engine.pages.keys import PAGE_TOKENS, PageKeys, root

TEXT = list(range(4 * PAGE_TOKENS))


def keys(tokens: list[int], **changed: Any) -> list[bytes]:
    start = root(**{"files": "digest", "form": "f16", "salt": ("alice",), "adapters": (), **changed})
    made = PageKeys(start)
    made.key(len(tokens) // PAGE_TOKENS - 1, tokens)
    return made.first(len(tokens) // PAGE_TOKENS)


def test_texts_that_begin_alike_have_the_same_pages_up_to_where_they_differ() -> None:
    other = [*TEXT]
    other[2 * PAGE_TOKENS + 5] += 1
    one, two = keys(TEXT), keys(other)
    assert one[:2] == two[:2]
    assert not set(one[2:]) & set(two[2:])


def test_the_same_tokens_elsewhere_are_another_page() -> None:
    assert len(set(keys([1] * 4 * PAGE_TOKENS))) == 4


def test_pages_of_other_models_formats_owners_and_adapters_are_others() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"files": "another"},
        {"form": "q8_0"},
        {"salt": ("bob",)},
        {"salt": None},
        {"salt": ("None",)},
        {"adapters": (("greets", 1.0),)},
        {"adapters": (("greets", 0.5),)},
    ]
    made = [keys(TEXT, **change)[0] for change in changes]
    assert all(one != other for one, other in combinations(made, 2))


def test_a_file_of_an_adapter_counts_for_texts_with_that_adapter_alone() -> None:
    greets: dict[str, Any] = {"adapters": (("greets", 1.0),)}
    one, other = "digest ends=1 greets=2", "digest ends=3 greets=2"
    assert keys(TEXT, files=one) == keys(TEXT, files=other) == keys(TEXT)
    assert keys(TEXT, files=one, **greets) == keys(TEXT, files=other, **greets)
    assert keys(TEXT, files=one, **greets) != keys(TEXT, files="digest greets=4", **greets)


def test_keys_are_made_as_they_are_asked_for_while_the_text_grows() -> None:
    made = PageKeys(b"")
    first = made.key(0, TEXT[:PAGE_TOKENS])
    assert made.first(5) == [first]
    assert made.key(2, TEXT) == keys_of_all()[2]
    assert made.first(5) == keys_of_all()[:3]


def keys_of_all() -> list[bytes]:
    made = PageKeys(b"")
    made.key(3, TEXT)
    return made.first(4)
