"""Names of keys: no two things have the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ledger import redis_keys

WORDS = sorted({half for name in redis_keys.NAMES.values() for half in name.word.split(":")})
parts_of_names = st.text(max_size=5) | st.sampled_from(["", ":", "%", "%3A", *WORDS, *(f"%{word}" for word in WORDS)])
"""What owners, models, workers and ids may be called, and what nobody may: colons, nothing, halves of other names."""


def named(parts: list[str]) -> Iterator[tuple[str, str]]:
    """Every name that can be made of some parts, and what it is the name of."""
    for called, name in redis_keys.NAMES.items():
        for of in product(sorted(set(parts)), repeat=len(name.parts)):
            yield name(*of), f"{called}{of}"


@given(parts=st.lists(parts_of_names, min_size=3, max_size=4))
def test_two_keys_never_have_one_name(parts: list[str]) -> None:
    counted = Counter(name for name, _ in named(parts))
    met = {name for name, count in counted.items() if count > 1}
    assert not met, [of for name, of in named(parts) if name in met]


@given(first=st.text(":%3A2512", max_size=4), last=st.text(":%3A2512", max_size=4))
def test_where_one_part_ends_is_not_in_doubt(first: str, last: str) -> None:
    whole = f"{first}:{last}"
    ways = [(whole[:at], whole[at + 1 :]) for at, sign in enumerate(whole) if sign == ":"]
    assert len({redis_keys.idempotency(*way) for way in ways}) == len(ways)


def test_names_of_the_releases_before_are_the_same() -> None:
    assert redis_keys.lane("demo.q4-k_m", "low", "a.b@c-d_e") == "caravan:lane:demo.q4-k_m:low:a.b@c-d_e"
    assert redis_keys.idempotency("alice", "a:b%") == "caravan:idem:alice:a:b%"
    assert redis_keys.receiver("https://example.org:8443") == "caravan:hooks:https://example.org:8443"
    assert redis_keys.files("alice") == "caravan:files:alice"


def test_every_word_that_goes_on_after_another_is_taken_there() -> None:
    words = {name.word for name in redis_keys.NAMES.values()}
    for name in redis_keys.NAMES.values():
        on = {word.removeprefix(f"{name.word}:") for word in words if word.startswith(f"{name.word}:")}
        assert name.taken == (on if name.parts else frozenset()), name
        assert not name.taken or len(name.parts) == 1, name


def test_a_name_takes_as_many_parts_as_it_has() -> None:
    assert redis_keys.lane("demo", "low", "") == "caravan:lane:demo:low:"
    with pytest.raises(TypeError, match="'lane' is named by"):
        redis_keys.lane("demo", "low")
