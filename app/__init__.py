"""The front: HTTP, the client and the command line. It knows nothing of llama.cpp."""
