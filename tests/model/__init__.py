"""llama.cpp and the demo model in the test's own process: no sockets, no Redis."""
