"""The models as Anthropic lists them. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from app.endpoints.anthropic.wire import ModelInfo, ModelPage
from app.http.paging import PageSize
from tasks.errors import InvalidRequest

VERSION = "Anthropic-Version"
"""The header by which Anthropic's clients are known."""
PAGE = PageSize(20, 1000)


def model_info(name: str) -> ModelInfo:
    """One model."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }


def model_page(names: Sequence[str], *, limit: int, after: str | None, before: str | None) -> ModelPage:
    """A page of them: those after one, or those before one. Raises InvalidRequest for one that is not there."""
    begin = _place(names, after, "after_id") + 1 if after is not None else 0
    end = _place(names, before, "before_id") if before is not None else len(names)
    found = names[begin:end]
    shown = found[-limit:] if before is not None and after is None else found[:limit]
    return {
        "data": [model_info(name) for name in shown],
        "has_more": len(found) > limit,
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def _place(names: Sequence[str], name: str, param: str) -> int:
    if name not in names:
        raise InvalidRequest(f"{param} is not the id of a model.", param=param)
    return names.index(name)
