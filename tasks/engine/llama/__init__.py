"""llama.cpp behind the protocols of `backend` and `embedding`. The only package that imports llama_cpp.

The library is loaded when a backend is asked for: chat templates need none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.engine.llama.backend import LlamaBackend
    from tasks.engine.llama.embedding_backend import LlamaEmbeddingBackend
    from tasks.engine.llama.rerank_backend import LlamaRerankBackend

__all__ = ["LlamaBackend", "LlamaEmbeddingBackend", "LlamaRerankBackend"]


def __getattr__(name: str) -> object:
    if name == "LlamaBackend":
        from tasks.engine.llama.backend import LlamaBackend

        return LlamaBackend
    if name == "LlamaEmbeddingBackend":
        from tasks.engine.llama.embedding_backend import LlamaEmbeddingBackend

        return LlamaEmbeddingBackend
    if name == "LlamaRerankBackend":
        from tasks.engine.llama.rerank_backend import LlamaRerankBackend

        return LlamaRerankBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
