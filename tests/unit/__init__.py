"""Tests of single parts: no sockets and no processes, milliseconds each."""
