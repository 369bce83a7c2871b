"""The queue: the ledger in Redis, the Celery workers, the engine, and all that they share with the front."""
