"""llama.cpp behind the protocols of `backend` and `embedding`. The only package that imports llama_cpp."""

from tasks.engine.llama.backend import LlamaBackend
from tasks.engine.llama.embedding_backend import LlamaEmbeddingBackend

__all__ = ["LlamaBackend", "LlamaEmbeddingBackend"]
