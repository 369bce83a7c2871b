"""Tests: unit (no sockets), integration (real Redis and worker processes), e2e (`caravan up`), fault (real kills)."""
