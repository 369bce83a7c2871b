"""One cluster for all tests that leave it as it was."""

from __future__ import annotations

from tests.support.shared_cluster import cluster

__all__ = ["cluster"]
