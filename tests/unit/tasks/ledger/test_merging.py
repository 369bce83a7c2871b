"""Lists of several owners' jobs as one: every job once, in one order, whatever the pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tasks.ledger.merging import Found, begin, merged
from tests.support.job_records import make

OWNERS = ("alice", "bob", "carol")


@dataclass(frozen=True)
class Kept:
    """A job as Redis has it."""

    id: str
    owner: str
    at: float
    matches: bool


def kept(drawn: Sequence[tuple[str, int, bool]]) -> list[Kept]:
    return [Kept(f"{at}-{number}", owner, float(at), matches) for number, (owner, at, matches) in enumerate(drawn)]


kept_jobs = st.lists(st.tuples(st.sampled_from(OWNERS), st.integers(0, 5), st.booleans()), max_size=30).map(kept)


def newest_first(jobs: Sequence[Kept], owner: str) -> list[Kept]:
    return sorted((each for each in jobs if each.owner == owner), key=lambda each: (each.at, each.id), reverse=True)


def part(own: Sequence[Kept], after: str, before: float | None, *, limit: int, most: int) -> Found:
    """What the script `list` answers for an owner."""
    first = next((place + 1 for place, each in enumerate(own) if each.id == after), 0)
    left = [each for each in own[first:] if each.at < (math.inf if before is None else before)]
    found: list[str] = []
    for number, each in enumerate(left, 1):
        if each.matches:
            found.append(each.id)
        if len(found) == limit or number == most:
            return Found(found, each.id if number < len(left) else None)
    return Found(found, None)


def page(jobs: Sequence[Kept], after: Kept | None, *, limit: int, most: int) -> Found:
    beginning = None if after is None else make(id=after.id, owner=after.owner, created_at=after.at)
    begun = [begin(owner, beginning, None) for owner in OWNERS]
    parts = [
        part(newest_first(jobs, owner), own, before, limit=limit, most=most)
        for owner, (own, before) in zip(OWNERS, begun, strict=True)
    ]
    times: Mapping[str, float] = {each.id: each.at for each in jobs}
    return merged(OWNERS, parts, times, limit=limit)


@given(kept_jobs, st.integers(1, 4), st.integers(0, 4))
def test_all_pages_together_have_every_job_that_matches_once_and_in_order(
    jobs: list[Kept], limit: int, more: int
) -> None:
    by_id = {each.id: each for each in jobs}
    seen, after = list[str](), None
    for _ in range(len(jobs) + 1):
        found = page(jobs, after, limit=limit, most=limit + more)
        assert len(found.ids) <= limit
        seen += found.ids
        if found.last is None:
            break
        after = by_id[found.last]
    by_owner = [each for owner in OWNERS for each in newest_first(jobs, owner)]
    assert seen == [each.id for each in sorted(by_owner, key=lambda each: -each.at) if each.matches]


def test_a_job_that_is_gone_by_now_is_left_out() -> None:
    found = merged(("alice", "bob"), [Found(["a", "b"], "b"), Found(["c"], None)], {"a": 3.0, "c": 1.0}, limit=5)
    assert found == Found(["a"], "a")
