"""What a sentinel's answers are taken for."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tasks.ledger.primary import Primary


def told(monkeypatch: pytest.MonkeyPatch, answer: Any) -> tuple[str, int]:
    monkeypatch.setattr(redis.Redis, "execute_command", lambda *_: answer)
    return Primary("redis+sentinel://127.0.0.1:9/main").address()


def test_a_sentinel_tells_where_the_primary_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, ["10.0.0.1", "6379"]) == ("10.0.0.1", 6379)


@pytest.mark.parametrize("answer", ["OK", 5, ["h"], ["h", "x"], ["h", "0"], ["h", "65536"], ["h", []], {"a": 1}])
def test_another_answer_is_none(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    with pytest.raises(redis.ConnectionError, match="answers otherwise than a sentinel"):
        told(monkeypatch, answer)
