"""llama.cpp behind the `Backend` protocol. The only package that imports llama_cpp."""

from tasks.engine.llama.backend import LlamaBackend

__all__ = ["LlamaBackend"]
