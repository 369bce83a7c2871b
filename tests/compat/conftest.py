"""One cluster for all clients that need no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster

MODELS = """
models:
  demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192}
  vectors: {path: demo, kind: embedding}
"""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("cluster"), models=MODELS, env={"CARAVAN_ANY_MODEL_NAME": "false"})
    running.start()
    yield running
    running.stop()
    assert running.processes() == []
