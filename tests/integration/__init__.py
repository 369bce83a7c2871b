"""Against a real Redis and real worker processes."""
