"""The ledger in Redis: its keys, its scripts, and what is read of it."""
