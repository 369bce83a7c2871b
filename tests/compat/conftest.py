"""One cluster for all clients that need no other."""

from __future__ import annotations

from tests.support.shared_cluster import cluster

__all__ = ["cluster"]
