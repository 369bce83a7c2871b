"""Many streams at once through one web process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.bench.crowd import ONE_WEB_PROCESS, QUESTIONS, crowd
from tests.support.cluster import Cluster

CROWD = 500


def test_five_hundred_streams_at_once_are_all_whole_and_right(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, env=ONE_WEB_PROCESS)
    cluster.start()
    try:
        seen = asyncio.run(crowd(cluster.url, CROWD))
        assert seen == dict.fromkeys(QUESTIONS.items(), CROWD // len(QUESTIONS))
    finally:
        cluster.stop()
