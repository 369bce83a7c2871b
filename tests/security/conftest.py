"""A real Redis for all tests here, empty before each."""

from tests.support.redis_fixtures import client, keys, nothing_listens_after_the_test, settings, store
from tests.support.redis_fixtures import one_redis_server as redis_server

__all__ = ["client", "keys", "nothing_listens_after_the_test", "redis_server", "settings", "store"]
