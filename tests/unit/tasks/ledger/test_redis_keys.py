"""Names of keys: no two things have the same."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ledger import redis_keys

MEET = {"caravan:files:old", "caravan:hooks:out", "caravan:hooks:pending"}
"""An origin has a scheme, so no receiver is called so; the files of an owner called `old` do meet the old files."""
words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,5}", fullmatch=True)
"""As owners, models, workers and ids are called: none has a colon. An idempotency key may, and comes last."""


@given(parts=st.lists(words | st.sampled_from(["old", "out", "pending", "low", "line"]), min_size=3, max_size=3))
def test_two_keys_never_have_one_name(parts: list[str]) -> None:
    built = [
        name(*of) for name in redis_keys.NAMES.values() for of in product(sorted(set(parts)), repeat=len(name.parts))
    ]
    names = Counter(built)
    assert {name for name, count in names.items() if count > 1} <= MEET


def test_a_name_takes_as_many_parts_as_it_has() -> None:
    assert redis_keys.lane("demo", "low", "") == "caravan:lane:demo:low:"
    with pytest.raises(TypeError, match="'lane' is named by"):
        redis_keys.lane("demo", "low")
