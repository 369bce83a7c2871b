"""Streams that are open go on to count, whatever Redis has answered meanwhile."""

from __future__ import annotations

import pytest
import redis

from app.services import open_streams
from app.services.open_streams import OpenStreams
from tasks.ledger import redis_keys
from tests.support.waiting import until


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_refusal_of_redis_does_not_end_renewals_for_good(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_streams, "RENEW_SECONDS", 0.01)
    streams, refused = OpenStreams(client), [redis.ResponseError("NOPERM this user has no permissions")]
    run = streams._run

    def once_refused(*arguments: object) -> object:
        if refused:
            raise refused.pop()
        return run(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(streams, "_run", once_refused)
    streams.begin("one", "alice")
    until(lambda: streams._thread is not None and not streams._thread.is_alive(), what="the thread ended")
    streams.begin("two", "alice")
    until(lambda: client.zcard(redis_keys.streams("alice")) == 2, what="both are renewed")
    streams.close()
