"""What several kinds of tests start and stop: Redis, worker processes, a whole cluster."""
