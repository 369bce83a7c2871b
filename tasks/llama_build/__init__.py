"""How llama.cpp is compiled for this machine, and how a compiled library says what it was made with.

It runs before anything is installed, so it needs the standard library alone: `python3 -m tasks.llama_build`.
"""
