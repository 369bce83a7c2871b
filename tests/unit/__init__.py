"""Tests of single parts: no sockets, no Redis, milliseconds each."""
