"""The Compose file on a real Docker engine: `make test-compose`. Minutes, and so no part of `make test`."""
