"""Clients that people run, as they are published, against real clusters: `make compat`."""
