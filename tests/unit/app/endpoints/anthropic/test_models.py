"""The models as Anthropic lists them."""

from __future__ import annotations

import pytest

from app.endpoints.anthropic.models import model_page
from tasks.errors import InvalidRequest

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("limit", "after", "before", "shown", "more"),
    [
        (4, None, None, "abcd", False),
        (2, None, None, "ab", True),
        (2, "b", None, "cd", False),
        (2, None, "d", "bc", True),
        (2, None, "c", "ab", False),
        (9, "a", "d", "bc", False),
        (9, "d", None, "", False),
        (9, "d", "a", "", False),
    ],
)
def test_a_page_is_what_comes_after_or_before_a_model(
    limit: int, after: str | None, before: str | None, shown: str, more: bool
) -> None:
    page = model_page(NAMES, limit=limit, after=after, before=before)
    assert [model["id"] for model in page["data"]] == [*shown]
    ends = (shown[0], shown[-1]) if shown else (None, None)
    assert (page["has_more"], page["first_id"], page["last_id"]) == (more, *ends)


def test_a_page_after_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="after_id is not the id of a model"):
        model_page(NAMES, limit=1, after="x", before=None)
